"""A printed receipt says what was asked, delivered, charged and drawn, as the ledger has it."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from mutoscope.app.receipt import receipt
from mutoscope.app.receipt_page import changes_asked, receipt_page
from mutoscope.documents.letters import FontMissing
from mutoscope.documents.receipt_pdf import receipt_pdf
from mutoscope.domain.jobs import FrameName, JobSpec
from studio_stage import Stage, open_stage


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        yield stage


async def printed(stage: Stage, *, images: int, folder: Path) -> str:
    """Make images and print the receipt; return its words."""
    stage.generator.succeed(images=images)
    job = await stage.play(await stage.place(images=images))
    found = await receipt(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)
    page = receipt_page(found, zone="Europe/Berlin")
    reader = PdfReader(io.BytesIO(receipt_pdf(page, fonts=folder / "none")))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


async def test_a_receipt_tells_the_whole_story_of_a_job(stage: Stage, tmp_path: Path) -> None:
    text = await printed(stage, images=2, folder=tmp_path)

    for told in (
        "Receipt of Image Generation", "a lighthouse at dusk", "2 of 1280 x 720 (16:9)",
        "2 x 2, SHA-256", "held 2 image", "charged 2 image", "2 of lot 1",
        "2025-01-20 13:00:00 CET", "2 credits held", "2 credits charged", "48",
    ):  # fmt: skip
        assert told in text
    assert "engine" not in text


async def test_a_receipt_for_staff_has_the_orders_and_their_cost(stage: Stage) -> None:
    stage.generator.succeed(images=1)
    job = await stage.play(await stage.place())
    found = await receipt(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)

    told = receipt_page(found, zone="UTC", is_with_cost=True)
    untold = receipt_page(found, zone="UTC")

    (ordered,) = set(told.sections) - set(untold.sections)
    assert ordered.heading == "Order 1"
    assert {"provider", "cost by list", "cost for certain"} <= dict(ordered.rows).keys()


async def test_a_receipt_of_nothing_says_so(stage: Stage, tmp_path: Path) -> None:
    job = await stage.place()

    found = await receipt(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)
    page = receipt_page(found, zone="UTC")

    rows = dict(row for section in page.sections for row in section.rows)
    assert (rows["nothing"], rows["charged"]) == ("no file was delivered", "not yet")
    assert [line[1] for line in page.lines] == ["1 credit held"]
    assert receipt_pdf(page, fonts=tmp_path / "none").startswith(b"%PDF")


async def test_a_receipt_that_cannot_be_read_is_refused(stage: Stage, tmp_path: Path) -> None:
    job = await stage.place()
    found = await receipt(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)
    page = receipt_page(found, zone="UTC")
    foreign = type(page)(title="\U00020000", subtitle="", sections=(), lines=())

    with pytest.raises(FontMissing):
        receipt_pdf(foreign, fonts=tmp_path / "none")


def test_what_an_edit_was_to_change_is_told_with_what_it_began_from() -> None:
    source = FrameName("7f", 2)
    frame = JobSpec(prompt="a quay", seed=1, ratio="16:9", width=64, height=36)

    made = changes_asked(frame)
    edited = changes_asked(frame._replace(source=source, instruction="at night"))
    tuned = dict(changes_asked(frame._replace(source=source, adjustments={"light": "left"})))

    assert made == ()
    assert edited == (("instruction", "at night"), ("from", "image 2 of job 7f"))
    assert "light" in tuned["changes"]
    assert tuned.keys() == {"changes", "from"}
