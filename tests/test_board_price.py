"""The pure part of a board's price: quick on the largest board, exact at its edges."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from mutoscope.bootstrap import read_catalog
from mutoscope.domain.balance import Balance, LotView
from mutoscope.domain.board_price import items_of, totals
from mutoscope.domain.cast import Part, PartKind, prompt_of, references_of, shown
from mutoscope.domain.estimate import BadRatio
from mutoscope.domain.jobs import PROMPT_MAX
from mutoscope.domain.storyboard import (
    FRAMES_MAX,
    Board,
    BoardScene,
    Frame,
    Project,
    Wanted,
    moved,
)

NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)
LATER = datetime(2025, 2, 20, 12, tzinfo=UTC)
VERSION = read_catalog(None).version_at(at=NOW)
TOOLS = ("runway_gen4_turbo", "kling_pro", "pixverse_v4", "wan_i2v", "kling_standard")


def frame(number: int) -> Frame:
    return Frame(
        frame_id=uuid4(), scene_id=UUID(int=1), number=number, description="A lamp.", dialogue="",
        shot_size=None, tool=TOOLS[number % len(TOOLS)], duration_s=5, chosen=None,
        is_final=False, versions=(), clips=(), pending=frozenset(),
    )  # fmt: skip


def board(*frames: Frame, ratio: str = "16:9") -> Board:
    project = Project(
        workspace_id=UUID(int=2), project_id=UUID(int=3), name="Rain", ratio=ratio,
        created_at=NOW, archived_at=None,
    )  # fmt: skip
    scene = BoardScene(scene_id=UUID(int=1), heading="INT. HUT", frames=frames)
    return Board(project=project, scenes=(scene,), cast=())


def lot(name: int, available: int, expires_at: datetime | None) -> LotView:
    return LotView(
        lot=name, source="plan", reference=None, available=available, frozen=0, held=0,
        effective_at=NOW, expires_at=expires_at, is_paid=False, state="open",
    )  # fmt: skip


def balance(*lots: LotView, granting: int = 0) -> Balance:
    spendable = sum(each.available for each in lots)
    return Balance(
        workspace_id=UUID(int=2), kind="video", at=NOW, sequence=1, is_projected=False,
        spendable=spendable, available=spendable, frozen=0, held=0, metering=0, lots=lots,
        holds=(), due=(), next_grant_at=LATER if granting else None, next_grant_amount=granting,
        next_lapse_at=LATER, next_lapse_amount=0,
    )  # fmt: skip


def total(amount: int, found: Balance | None) -> object:
    (item,) = items_of(board=board(replace(frame(0), tool=None, duration_s=None)), version=VERSION)
    priced = item._replace(kind="video", price=amount)
    balances = {} if found is None else {"video": found}
    (one,) = totals(items=[priced], balances=balances, unlimited=frozenset(), confirm_percent=20)
    return one


def test_the_largest_board_is_priced_at_once() -> None:
    large = board(*map(frame, range(1, FRAMES_MAX + 1)))
    spans = []
    for _ in range(5):
        begun = time.perf_counter()
        items = items_of(board=large, version=VERSION)
        spans.append(time.perf_counter() - begun)

    assert len(items) == 2 * FRAMES_MAX
    assert sum(item.price for item in items) == FRAMES_MAX + 100 * (25 + 50 + 80 + 40 + 25)
    assert min(spans) < 0.02


def test_lots_pay_in_their_order_and_the_rest_lapses() -> None:
    found = total(120, balance(lot(1, 100, LATER), lot(2, 50, None), granting=700))

    assert [tuple(draw) for draw in found.draws] == [(1, 100), (2, 20)]
    assert (found.remaining, found.lapsing, found.remaining_then) == (30, 0, 730)
    assert found.should_confirm


def test_what_does_not_fit_draws_nothing_and_tells_how_much_is_missing() -> None:
    found = total(151, balance(lot(1, 100, LATER), lot(2, 50, None)))

    assert (found.shortfall, found.draws, found.remaining, found.lapsing) == (1, (), 0, 0)
    assert total(1, None).shortfall == 1


def test_without_a_billing_date_the_next_lapse_is_told() -> None:
    found = total(10, balance(lot(1, 100, LATER)))

    assert (found.next_at, found.lapsing, found.remaining_then) == (LATER, 90, 0)
    assert not found.should_confirm


def test_a_frame_lacks_what_is_neither_there_nor_on_its_way() -> None:
    waiting = replace(frame(1), pending=frozenset({Wanted.STILL}))
    still = replace(frame(2), tool=None, duration_s=None)

    items = items_of(board=board(waiting, still), version=VERSION)

    assert [(item.number, item.wanted) for item in items] == [(1, "clip"), (2, "still")]


def test_a_ratio_that_the_tool_lacks_is_refused_as_the_order_would_be() -> None:
    with pytest.raises(BadRatio, match="veo3"):
        items_of(
            board=board(replace(frame(1), tool="veo3", duration_s=8), ratio="1:1"),
            version=VERSION,
        )


@pytest.mark.parametrize(("place", "order"), [(1, "cab"), (2, "acb"), (3, "abc"), (9, "abc")])
def test_an_item_moves_to_its_place(place: int, order: str) -> None:
    names = {letter: UUID(int=ord(letter)) for letter in "abc"}

    found = moved(order=[names[letter] for letter in "abc"], item=names["c"], place=place)

    assert found == tuple(names[letter] for letter in order)


def part(name: str, *, description: str = "", pictures: int = 0) -> Part:
    return Part(
        part_id=uuid4(), kind=PartKind.CHARACTER, name=name, description=description,
        pictures=tuple(f"{name}{number}".encode() for number in range(pictures)),
    )  # fmt: skip


def test_a_part_is_shown_where_it_is_named_as_a_word() -> None:
    mara, sea = part("Mara"), part("sea (old)")

    assert shown(cast=(mara, sea), text="MARA looks at the Sea (Old).") == (mara, sea)
    assert shown(cast=(mara, sea), text="Maras and the sea") == ()


def test_pictures_go_along_the_first_of_each_part_before_others() -> None:
    found = references_of(parts=(part("a", pictures=6), part("b", pictures=6)))

    assert [bytes.fromhex(each).decode() for each in found[:4]] == ["a0", "b0", "a1", "b1"]
    assert len(found) == 10


def test_a_prompt_names_looks_as_long_as_there_is_room() -> None:
    tall, dark = part("Tall", description="Tall."), part("Dark", description="x" * PROMPT_MAX)

    assert prompt_of(description="They meet.", parts=(dark, tall)) == "They meet. Tall: Tall."
