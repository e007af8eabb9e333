"""The files of the demo: pictures, the clip, receipts, the ledger, the billing dates."""

import json
import shutil

from mutoscope.app.billing_feed import workspace_feed
from mutoscope.app.receipt import receipt
from mutoscope.cli.demo_stage import Stage
from mutoscope.cli.demo_story import all_lines
from mutoscope.cli.plain import json_line, plain
from mutoscope.cli.reads import line_fields, receipt_fields, suffix
from mutoscope.domain.offers import Entitlement


async def write_outputs(stage: Stage) -> None:
    """Write what the story made; the plan that it started allows downloads."""
    studio = stage.house.studio
    studio.access_of(stage.owner, at=studio.clock.now()).require(Entitlement.DOWNLOADS)
    for key in stage.jobs:
        await _write_job(stage, key)
    lines = "".join(json_line(line_fields(line)) for line in await all_lines(stage))
    _write(stage, "ledger.jsonl", lines)
    feed = await workspace_feed(studio, workspace_id=stage.owner.workspace_id)
    _write(stage, "billing-calendar.ics", feed)


async def _write_job(stage: Stage, key: str) -> None:
    found = await receipt(
        stage.house.studio, workspace_id=stage.owner.workspace_id,
        job_id=stage.jobs[key].job_id,
    )  # fmt: skip
    pictures = stage.outputs.setdefault(key, [])
    for output in found.outputs:
        number = f"-{output.ordinal}" if len(found.outputs) > 1 else ""
        folder = stage.folder / ("clips" if output.duration_ms else "frames")
        folder.mkdir(exist_ok=True)
        path = folder / f"{key}{number}{suffix(output)}"
        shutil.copyfile(stage.house.studio.assets.path(digest=output.asset), path)
        pictures.append(path)
    stage.written.extend(pictures)
    _write(stage, f"receipts/{key}.json", json.dumps(plain(receipt_fields(found)), indent=2))


def _write(stage: Stage, name: str, text: str) -> None:
    path = stage.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    stage.written.append(path)
