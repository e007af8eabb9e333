"""Assets are kept whole, once, under the digest of their content: in a folder and in a bucket."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from secrets import token_bytes, token_hex

import httpx
import pytest

from bucket_server import BucketServer, serving
from mutoscope import bootstrap
from mutoscope.assets.bucket import AssetBucket, BadBucket
from mutoscope.assets.folder import AssetFolder
from mutoscope.assets.naming import digest_in
from mutoscope.assets.refusals import (
    AssetDamaged,
    AssetMissing,
    AssetsUnreachable,
    AssetsUnwritable,
)
from mutoscope.settings import read_settings

Store = AssetFolder | AssetBucket
SOON = datetime(9000, 1, 1, tzinfo=UTC)
FEW = (4, 16)
"""Threads and writes at a bucket: rclone's server spins for minutes over more of one key."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    with serving(tmp_path_factory.mktemp("s3") / "buckets") as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return AssetFolder(folder=tmp_path / "assets")
    return bucket(request.getfixturevalue("server"), tmp_path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(b"dusk")
    return path


@pytest.fixture
def unlike(tmp_path: Path) -> Path:
    """Give a file that no other test has put into a bucket."""
    path = tmp_path / "unlike.png"
    path.write_bytes(token_bytes(16))
    return path


def bucket(server: BucketServer, folder: Path) -> AssetBucket:
    url = server.bucket(f"bucket-{token_hex(4)}")
    return AssetBucket(url=url, options=server.options, copies=folder / "copies")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_found_by_its_digest(store: Store, picture: Path) -> None:
    digest = store.put(path=picture)

    assert digest == sha256(b"dusk").digest()
    assert store.path(digest=digest).read_bytes() == b"dusk"
    assert store.path(digest=digest).suffix == ".png"
    assert b"".join(store.chunks(digest=digest)) == b"dusk"


def test_the_same_content_from_many_threads_is_kept_once(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"dusk" * 100_000)

    threads_max, times = (16, 64) if isinstance(store, AssetFolder) else FEW
    with ThreadPoolExecutor(threads_max) as threads:
        digests = set(threads.map(lambda _: store.put(path=path), range(times)))

    (kept,) = store.kept()
    assert digests == {kept.digest}
    assert kept.size_bytes == 400_000
    assert not [file for file in files(tmp_path) if ".part" in str(file)]


def test_a_large_file_is_read_piece_by_piece(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(token_bytes(20_000_000))

    digest = store.put(path=path)
    pieces = list(store.chunks(digest=digest))

    assert len(pieces) > 5
    assert sha256(b"".join(pieces)).digest() == digest
    assert sha256(store.path(digest=digest).read_bytes()).digest() == digest


def test_an_unknown_digest_is_missing(store: Store) -> None:
    for read in (store.path, store.chunks):
        with pytest.raises(AssetMissing):
            read(digest=bytes(32))


def test_a_file_is_removed_unless_it_came_again(store: Store, picture: Path) -> None:
    digest = store.put(path=picture)
    (kept,) = store.kept()

    store.remove(digest=digest, before=kept.kept_at)
    assert [each.digest for each in store.kept()] == [digest]

    store.remove(digest=digest, before=SOON)
    store.remove(digest=digest, before=SOON)
    assert list(store.kept()) == []


def test_what_is_no_file_of_the_store_is_not_listed(
    server: BucketServer, tmp_path: Path, picture: Path
) -> None:
    url = server.bucket(name := f"bucket-{token_hex(4)}")
    stores = [
        AssetFolder(folder=tmp_path / "assets"),
        AssetBucket(url=url, options=server.options, copies=tmp_path / "copies"),
    ]
    for place in (tmp_path / "assets" / "29", server.root / name / "house" / "29"):
        place.mkdir(parents=True)
        (place / "notes.txt").write_text("no asset")
        (place / f"{'ab' * 32}.part").write_text("half")

    for store in stores:
        digest = store.put(path=picture)
        assert [each.digest for each in store.kept()] == [digest]
        with pytest.raises(AssetMissing):
            store.path(digest=bytes.fromhex("29" + "00" * 31))


def test_a_file_that_goes_while_it_is_read_is_missing(server: BucketServer, tmp_path: Path) -> None:
    store = bucket(server, tmp_path)

    with pytest.raises(AssetMissing), store._reading(bytes(32)):
        raise FileNotFoundError


def test_what_is_being_written_is_no_file_yet(tmp_path: Path) -> None:
    folder = tmp_path / "assets" / "00"
    folder.mkdir(parents=True)
    (folder / f"{bytes(32).hex()}.part").write_text("half")

    with pytest.raises(AssetMissing):
        AssetFolder(folder=tmp_path / "assets").path(digest=bytes(32))


def test_a_copy_that_finds_no_room_is_refused(
    server: BucketServer, tmp_path: Path, picture: Path
) -> None:
    store = bucket(server, tmp_path)
    digest = store.put(path=picture)
    (tmp_path / "copies").write_text("in the way")

    with pytest.raises(AssetsUnwritable, match="copies takes no file"):
        store.path(digest=digest)


def test_a_file_that_comes_again_is_as_new_as_that(store: Store, picture: Path) -> None:
    store.put(path=picture)
    (first,) = store.kept()

    store.put(path=picture)
    (second,) = store.kept()

    assert first.kept_at <= second.kept_at


def test_a_folder_that_takes_nothing_says_why(tmp_path: Path, picture: Path) -> None:
    (tmp_path / "assets").write_text("in the way")

    with pytest.raises(AssetsUnwritable, match="takes no file"):
        AssetFolder(folder=tmp_path / "assets").put(path=picture)


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path) -> None:
    store, path = AssetFolder(folder=tmp_path / "assets"), tmp_path / "clip.mp4"
    path.write_bytes(b"dusk" * 100_000)
    before = getrlimit(RLIMIT_FSIZE)

    setrlimit(RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(AssetsUnwritable, match="takes no file"):
            store.put(path=path)
    finally:
        setrlimit(RLIMIT_FSIZE, before)

    assert files(tmp_path / "assets") == []


def test_a_folder_has_no_address_of_its_own(tmp_path: Path, picture: Path) -> None:
    store = AssetFolder(folder=tmp_path / "assets")

    assert store.link(digest=store.put(path=picture), lasts=timedelta(minutes=1)) is None


def test_what_came_first_makes_room(tmp_path: Path) -> None:
    store = AssetFolder(folder=tmp_path / "assets")
    for number, content in enumerate((b"first", b"second", b"third")):
        path = tmp_path / "file.png"
        path.write_bytes(content)
        os.utime(store.path(digest=store.put(path=path)), (number, number))

    store.trim(bytes_max=11)

    left = {store.path(digest=each.digest).read_bytes() for each in store.kept()}
    assert left == {b"second", b"third"}
    store.trim(bytes_max=0)
    assert list(store.kept()) == []


def test_a_bucket_signs_an_address_that_serves_the_file(
    server: BucketServer, tmp_path: Path, picture: Path
) -> None:
    store = bucket(server, tmp_path)
    digest = store.put(path=picture)

    address = store.link(digest=digest, lasts=timedelta(minutes=1))
    assert address is not None

    assert httpx.get(address).content == b"dusk"
    assert httpx.get(address).headers["Content-Type"] == "image/png"
    forged = address.replace("X-Amz-Signature=", "X-Amz-Signature=0")
    assert httpx.get(forged).status_code == 403


def test_a_bucket_reads_a_file_once(server: BucketServer, tmp_path: Path, unlike: Path) -> None:
    store = bucket(server, tmp_path)
    digest = store.put(path=unlike)
    first = store.path(digest=digest)

    (kept,) = [path for path in files(server.root) if digest.hex() in path.name]
    kept.unlink()

    assert store.path(digest=digest) == first


def test_a_file_that_was_changed_in_the_bucket_is_not_given_out(
    server: BucketServer, tmp_path: Path, unlike: Path
) -> None:
    store = bucket(server, tmp_path)
    digest = store.put(path=unlike)
    (kept,) = [path for path in files(server.root) if digest.hex() in path.name]
    kept.write_bytes(b"dawn")

    with pytest.raises(AssetDamaged):
        store.path(digest=digest)

    assert files(tmp_path / "copies") == []


def test_a_bucket_that_is_away_says_so(server: BucketServer, tmp_path: Path, picture: Path) -> None:
    away = {**server.options, "endpoint": "http://127.0.0.1:1"}
    stranger = {**server.options, "secret_access_key": "guess"}
    url = server.bucket(f"bucket-{token_hex(4)}")

    for address, options in ((url, away), (url, stranger), ("s3://none", server.options)):
        store = AssetBucket(url=address, options=options, copies=tmp_path / "copies")
        with pytest.raises(AssetsUnwritable, match="takes no file") as refused:
            store.put(path=picture)
        assert "guess" not in str(refused.value)
        for ask in (lambda: store.path(digest=bytes(32)), lambda: list(store.kept())):  # noqa: B023
            with pytest.raises(AssetsUnreachable, match="does not answer"):
                ask()


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ftp://bucket", {}),
        ("s3://bucket", {"nonsense": "1"}),
        ("bucket", {}),
        ("s3://", {}),
        ("memory:///", {}),
    ],
)
def test_an_address_that_names_no_bucket_is_refused(
    url: str, options: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(BadBucket):
        AssetBucket(url=url, options=options, copies=tmp_path)


def test_a_house_keeps_its_files_where_the_settings_say(
    server: BucketServer, tmp_path: Path, picture: Path
) -> None:
    options = ",".join(f"{name}={value}" for name, value in server.options.items())
    asked = {"MUTOSCOPE_DATA": str(tmp_path), "MUTOSCOPE_ASSETS_OPTIONS": options}
    url = server.bucket(f"bucket-{token_hex(4)}")

    inside = bootstrap._assets(read_settings(asked))
    outside = bootstrap._assets(read_settings({**asked, "MUTOSCOPE_ASSETS": url}))

    assert inside.path(digest=inside.put(path=picture)).is_relative_to(tmp_path / "assets")
    assert outside.path(digest=outside.put(path=picture)).is_relative_to(tmp_path / "copies")


@pytest.mark.parametrize("name", ["", "a.md", "z" * 64, "a" * 63 + ".png", "ab" * 32 + ".part"])
def test_other_names_are_no_files_of_a_store(name: str) -> None:
    assert digest_in(name) is None
