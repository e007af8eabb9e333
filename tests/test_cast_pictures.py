"""Pictures of a cast go along with an order as far as its model looks at them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from company_stage import ABLE, Companies, open_companies
from soundness import assert_sound


@pytest.fixture
async def companies(database_url: str, tmp_path: Path) -> AsyncIterator[Companies]:
    async with open_companies(database_url, tmp_path) as companies:
        yield companies
        await assert_sound(database_url)


async def test_as_many_pictures_of_the_cast_go_along_as_the_model_looks_at(
    companies: Companies,
) -> None:
    pictures = []
    for name in ("front.png", "side.png"):
        (path := companies.acme.folder / name).write_bytes(name.encode())
        pictures.append(companies.studio.assets.put(path=path).hex())
    for looks_at in (0, 1):
        companies.acme.able = replace(ABLE, references_max=looks_at)
        job = await companies.place(f"job-{looks_at}", references=tuple(pictures))

        await companies.step(job)

    none, one = (order.reference_paths for order in companies.acme.orders)
    assert (none, [path.read_bytes() for path in one]) == ((), [b"front.png"])
