"""Cards of the chat: posted in the transaction of what they tell, once, in their own workspace."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from chat_stage import ANN, BEN, Chat, open_chat
from mutoscope.app import sign_up
from mutoscope.app.chat import card_rows
from mutoscope.domain import actions as ask
from mutoscope.domain.card_facts import card_facts
from mutoscope.domain.chat import HOUSE, default_thread_id, staff
from mutoscope.domain.credits import BadKey
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.storage.session import SideRowRefused
from soundness import assert_sound


@pytest.fixture
async def talk(database_url: str, tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(database_url, tmp_path) as talk:
        yield talk
        await assert_sound(database_url)


def card(talk: Chat, **changes: object) -> dict[str, object]:
    return {
        "workspace_id": talk.workspace_id, "thread_id": None, "message_id": uuid4(),
        "author": staff(staff_id=ANN), "card": "goodwill", "data": {"credits": 50},
        "at": talk.clock.now(), **changes,
    }  # fmt: skip


async def test_a_card_commits_with_its_entries_in_a_thread_that_nobody_began(talk: Chat) -> None:
    grant = ask.Grant(50, Terms(source="goodwill", effective_at=talk.clock.now()))
    request = Request(talk.workspace_id, "image", "goodwill", "g-1", grant)

    await talk.studio.journal.submit(Submission((request,)), side_rows=card_rows(**card(talk)))
    await talk.studio.journal.submit(Submission((request,)), side_rows=card_rows(**card(talk)))

    (message,) = await talk.messages()  # a replay of the entry posts no second card
    assert (message.card, message.data, message.side) == ("goodwill", {"credits": 50}, "staff")


async def test_cards_of_one_submission_stand_in_their_order(talk: Chat) -> None:
    rows = tuple(
        row
        for name in ("payment_confirmed", "credits_added", "terms")
        for row in card_rows(**card(talk, card=name))
    )

    await talk.studio.journal.submit(Submission(()), side_rows=rows)

    found = await talk.messages()
    assert [each.card for each in found] == ["payment_confirmed", "credits_added", "terms"]
    assert [each.ordinal for each in found] == [1, 2, 3]


async def test_a_card_of_a_thread_that_is_not_the_workspace_s_undoes_everything(
    talk: Chat,
) -> None:
    other = await sign_up.create(talk.studio, name="Borealis", zone="UTC", is_demo=True)
    foreign = default_thread_id(workspace_id=other.workspace_id)
    before = await talk.stage.credits()
    grant = ask.Grant(50, Terms(source="goodwill", effective_at=talk.clock.now()))
    request = Request(talk.workspace_id, "image", "goodwill", "g-1", grant)

    with pytest.raises(SideRowRefused):
        await talk.studio.journal.submit(
            Submission((request,)), side_rows=card_rows(**card(talk, thread_id=foreign))
        )

    assert await talk.stage.credits() == before
    assert await talk.messages() == ()


async def test_a_card_is_posted_once_an_id(talk: Chat) -> None:
    posting = card(talk, author=HOUSE)
    await talk.studio.journal.submit(Submission(()), side_rows=card_rows(**posting))

    with pytest.raises(SideRowRefused):
        await talk.studio.journal.submit(Submission(()), side_rows=card_rows(**posting))

    await talk.creator_says("and on")
    assert [message.ordinal for message in await talk.messages()] == [1, 2]


def test_a_card_s_code_is_a_word() -> None:
    posting = {"workspace_id": ANN, "thread_id": None, "author": HOUSE}

    with pytest.raises(BadKey):
        card_rows(**posting, message_id=BEN, card="Good will!", data={}, at=None)


def test_a_card_tells_money_and_instants_as_people_write_them() -> None:
    data = {
        "payment_id": "fdca3e3f", "amount": 4_797, "currency": "USD", "outcome": "other_amount",
        "lapses_at": "2026-12-26T02:59:20.247809+00:00", "credits": 1_500, "is_late": True,
    }  # fmt: skip

    assert card_facts(data) == (
        "amount 47.97 USD", "outcome other amount", "lapses at 26 Dec 2026 02:59 UTC",
        "credits 1500",
    )  # fmt: skip
