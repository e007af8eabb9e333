"""A sample of the campaign in `payment_deliveries`, which plays every case."""

from pathlib import Path

from payment_deliveries import CASES, CASES_A_TURN, WAYS, campaign, cases_of_turn, sample


def test_every_order_and_number_of_the_events_of_a_payment_is_a_case() -> None:
    assert len(CASES) == len(set(CASES)) == 6 * 5**3 * len(WAYS)


def test_turns_that_follow_one_another_play_every_case_once() -> None:
    turns = range(7, 7 + len(CASES) // CASES_A_TURN)

    played = [case for turn in turns for case in cases_of_turn(turn)]

    assert sorted(played) == sorted(CASES)


async def test_a_payment_told_in_any_order_and_number_is_granted_once(
    database_url: str, tmp_path: Path
) -> None:
    counted = await campaign(database_url, tmp_path, sample(size=9, seed=2027))

    assert sum(counted[way] for way in WAYS) == 9
    assert counted["deliveries"] > 9 * 3
