"""A link names one file until an instant, and no bit of it can be changed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.asset_links import (
    LASTS_MAX,
    AssetLink,
    BadLasting,
    checked_lasting,
    opened,
    signed,
)
from mutoscope.domain.sealed_links import LinkExpired, LinkForged

KEY = b"k" * 32
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINK = AssetLink(
    workspace_id=UUID(int=7), asset=bytes(range(32)), expires_at=AT + timedelta(minutes=15),
    is_download=True,
)  # fmt: skip


@given(
    workspace_id=st.uuids(), asset=st.binary(min_size=32, max_size=32), is_download=st.booleans(),
    lasts_s=st.integers(1, 604_800),
)  # fmt: skip
def test_a_link_is_read_as_it_was_signed(
    workspace_id: UUID, asset: bytes, *, is_download: bool, lasts_s: int
) -> None:
    link = AssetLink(
        workspace_id=workspace_id, asset=asset, is_download=is_download,
        expires_at=AT + timedelta(seconds=lasts_s),
    )  # fmt: skip

    text = signed(link, key=KEY)

    assert opened(text, key=KEY, at=AT) == link
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.data())
def test_a_link_of_which_anything_was_changed_is_forged(data: st.DataObject) -> None:
    text = signed(LINK, key=KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABab01-_=+/. é").filter(lambda each: each != text[place]))

    with pytest.raises(LinkForged):
        opened(text[:place] + other + text[place + 1 :], key=KEY, at=AT)


@pytest.mark.parametrize("text", ["", "A", "AAAA", signed(LINK, key=KEY)[:-1], "x" * 4_000])
def test_what_is_no_whole_link_is_forged(text: str) -> None:
    with pytest.raises(LinkForged):
        opened(text, key=KEY, at=AT)


def test_a_link_of_another_house_is_forged() -> None:
    with pytest.raises(LinkForged):
        opened(signed(LINK, key=b"o" * 32), key=KEY, at=AT)


@pytest.mark.parametrize(("late_s", "is_dead"), [(-1, False), (0, True), (1, True)])
def test_a_link_is_dead_at_its_end(late_s: int, *, is_dead: bool) -> None:
    text, at = signed(LINK, key=KEY), LINK.expires_at + timedelta(seconds=late_s)

    if is_dead:
        with pytest.raises(LinkExpired, match="ended at 01 Mar 2026 12:15 UTC"):
            opened(text, key=KEY, at=at)
    else:
        assert opened(text, key=KEY, at=at) == LINK


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(seconds=-1), LASTS_MAX * 2])
def test_a_link_lasts_a_while_and_no_longer_than_a_week(lasts: timedelta) -> None:
    assert checked_lasting(LASTS_MAX) == LASTS_MAX
    with pytest.raises(BadLasting, match="7 days"):
        checked_lasting(lasts)
