"""A fixed sample of the tamper campaign; `tampering.py` runs it at any length."""

from tampering import campaign
from tampers import SORTS

ROUNDS = 150
SEED = 20_270_131


async def test_every_tamper_is_found(database_url: str) -> None:
    outcome = await campaign(database_url, rounds=ROUNDS, seed=SEED)

    assert outcome.missed == ()
    assert outcome.found.total() == ROUNDS
    assert set(outcome.found) == set(SORTS)
