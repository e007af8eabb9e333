"""Downloads: which addresses are refused, and what reaches the file."""

from pathlib import Path

import httpx
import pytest

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.app.public_hosts import resolve
from mutoscope.providers import download
from mutoscope.providers.download import AddressExpired, AddressRefused, Downloads
from mutoscope.providers.wire import Site
from provider_stage import http, serving

REMOTE = Site(provider="flux", base_url="https://api.bfl.ai/v1")
LOCAL = Site(provider="flux", base_url="http://127.0.0.1:8421/flux")


def resolving(*addresses: str) -> Downloads:
    async def found(host: str) -> tuple[str, ...]:
        assert host
        return addresses

    return Downloads(site=REMOTE, resolve=found)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b:1::1",
        "64:ff9b::10.0.0.1", "2002:a00:1::1",
    ],
)  # fmt: skip
async def test_an_address_inside_is_refused(address: str, tmp_path: Path) -> None:
    downloads = resolving("93.184.216.34", address)

    with pytest.raises(AddressRefused):
        await downloads.fetch(url="https://cdn.example/x.mp4", path=tmp_path / "x")

    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/x.mp4", "ftp://cdn.example/x", "file:///etc/passwd", "x.mp4", "",
        "http://127.0.0.1:8422/x", "https://[::1/x", "https://127.0.0.1:8421/x", "http://localhost:8421/x",
    ],
)  # fmt: skip
async def test_an_address_that_is_not_https_is_refused(url: str, tmp_path: Path) -> None:
    downloads = Downloads(site=LOCAL, resolve=resolve)

    with pytest.raises(AddressRefused):
        await downloads.fetch(url=url, path=tmp_path / "x")


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    downloads = resolving("93.184.216.34")

    request = await downloads._request(httpx.URL("https://cdn.example:8443/x"), {"x-key": "secret"})

    assert request.url == "https://93.184.216.34:8443/x"
    assert request.headers["host"] == "cdn.example:8443"
    assert request.extensions["sni_hostname"] == "cdn.example"
    assert "x-key" not in request.headers


async def test_the_key_goes_along_to_the_provider_s_own_host() -> None:
    downloads = resolving("93.184.216.34")

    request = await downloads._request(httpx.URL("https://api.bfl.ai/file"), {"x-key": "secret"})

    assert request.headers["x-key"] == "secret"


async def test_a_name_that_does_not_exist_may_be_tried_again(tmp_path: Path) -> None:
    downloads = Downloads(site=REMOTE)

    with pytest.raises(ProviderError) as caught:
        await downloads.fetch(url="https://nowhere.invalid/x", path=tmp_path / "x")

    assert caught.value.code == ErrorCode.TRANSIENT


LEADS_ON = http(302, b"", b"location: /next\r\n")


async def fetched(path: Path, *answers: bytes) -> None:
    """Fetch the file that a server with these answers gives."""
    async with serving(*answers) as (address, _):
        downloads = Downloads(site=Site(provider="flux", base_url=address, ask_s=1))
        await downloads.fetch(url=f"{address}/first", path=path)
    await downloads.close()


async def test_three_redirects_are_followed_and_not_four(tmp_path: Path) -> None:
    await fetched(tmp_path / "x", *[LEADS_ON] * 3, http(200, b"clip"))

    assert (tmp_path / "x").read_bytes() == b"clip"
    with pytest.raises(AddressRefused, match="more than 3 times"):
        await fetched(tmp_path / "y", *[LEADS_ON] * 4, http(200, b"clip"))


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_file_that_is_gone_is_said_to_be_gone(status: int, tmp_path: Path) -> None:
    with pytest.raises(AddressExpired) as caught:
        await fetched(tmp_path / "x", http(status))

    assert caught.value.status == status


@pytest.mark.parametrize(
    "answer",
    [http(503), http(200, b"clip")[:-1], b"", http(200, b"no gzip", b"content-encoding: gzip\r\n")],
)
async def test_a_file_that_does_not_come_through_may_be_tried_again(
    answer: bytes, tmp_path: Path
) -> None:
    with pytest.raises(ProviderError) as caught:
        await fetched(tmp_path / "x", answer)

    assert caught.value.code == ErrorCode.TRANSIENT


async def test_a_file_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "FILE_BYTES_MAX", 3)

    with pytest.raises(AddressRefused):
        await fetched(tmp_path / "x", http(200, b"clip"))
