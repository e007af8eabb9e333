"""A worker that is killed between an order's intent and its capture doubles and loses nothing."""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from random import Random

from pipeline_points import POINTS, deaths_of

KILLS = 2


async def test_workers_killed_amid_the_pipeline_buy_nothing_twice_and_charge_what_they_deliver(
    server_url: str,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("campaigns.py")), "pipeline-deaths",
        "--size", str(KILLS), "--seed", "7", "--database-url", server_url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip

    output, trouble = await process.communicate()

    assert process.returncode == 0, trouble.decode()[-2_000:]
    assert f"pipeline-deaths: {KILLS} deaths; no difference; seed 7" in output.decode()


def test_a_campaign_dies_at_every_point_equally_often() -> None:
    deaths = deaths_of(Random(7), kills=len(POINTS) * 3)

    assert Counter(death.point for death in deaths) == dict.fromkeys(POINTS, 3)
