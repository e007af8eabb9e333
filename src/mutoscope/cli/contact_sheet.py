"""The contact sheet of the demo: one page with every picture, its prompt and its price.

Invariant: the page is whole in itself (no script, no address outside its folder), light or dark as
the reader's system is, and every picture has its words.
"""

from collections import Counter
from html import escape
from string import Template
from typing import Final

from mutoscope.cli.demo_stage import Stage
from mutoscope.storage.jobs import Job

NAME: Final = "index.html"
_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title: contact sheet</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1rem; }
h1 { margin: 0; } header p { margin: .25rem 0 1.5rem; opacity: .8; }
.sheet { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
figure { margin: 0; } .wide { grid-column: 1 / -1; }
img, video { border-radius: .4rem; display: block; width: 100%; }
figcaption { font-size: .9rem; margin-top: .4rem; } .cost { opacity: .75; }
footer { margin-top: 2rem; }
</style>
<header>
<h1>$title</h1>
<p>Drawn by Mutoscope's built-in engine, which stands in for paid tools and marks every picture.
$total</p>
</header>
<main class="sheet">
$figures
</main>
<footer>
<a href="ledger.jsonl">The ledger</a> · <a href="verify.json">Signed verification</a> ·
<a href="billing-calendar.ics">Billing dates</a> · receipts in the folder <code>receipts</code>
</footer>
</html>
""")
_PICTURE: Final = Template("""\
<figure>
<img src="$path" alt="$words" loading="lazy">
<figcaption>$words <span class="cost">$cost</span></figcaption>
</figure>""")
_CLIP: Final = Template("""\
<figure class="wide">
<video src="$path" controls loop muted autoplay playsinline></video>
<figcaption>$words <span class="cost">$cost</span></figcaption>
</figure>""")


def contact_sheet(stage: Stage) -> None:
    """Write the page beside the files that it shows."""
    figures = [_figures(stage, key, job) for key, job in stage.jobs.items() if job.captured]
    page = _PAGE.substitute(
        title=escape(stage.owner.name), total=_total(stage), figures="\n".join(figures)
    )
    path = stage.folder / NAME
    path.write_text(page, encoding="utf-8")
    stage.written.insert(0, path)


def _figures(stage: Stage, key: str, job: Job) -> str:
    """Return the figures of what one job delivered."""
    return "\n".join(
        (_CLIP if path.suffix == ".mp4" else _PICTURE).substitute(
            path=escape(path.relative_to(stage.folder).as_posix()),
            words=escape(_words(job)),
            cost=_cost(job, pictures=len(stage.outputs[key])),
        )
        for path in stage.outputs[key]
    )


def _words(job: Job) -> str:
    spec = job.spec
    change = spec.instruction or ", ".join(f"{k} {v}" for k, v in (spec.adjustments or {}).items())
    prompt = spec.prompt.partition("[[")[0].strip()
    return f"{change} ({prompt})" if change else prompt


def _cost(job: Job, *, pictures: int) -> str:
    noun = "credit" if job.captured == 1 else "credits"
    number = f" for {pictures}" if pictures > 1 else ""
    return f"{job.tool.replace('_', ' ')}, {job.captured} {job.kind} {noun}{number}"


def _total(stage: Stage) -> str:
    charged: Counter[str] = Counter()
    for job in stage.jobs.values():
        charged[job.kind] += job.captured or 0
    sums = " and ".join(f"{amount:,} {kind}" for kind, amount in charged.items())
    free = sum(1 for job in stage.jobs.values() if not job.captured)
    return f"{len(stage.jobs)} jobs: {sums} credits charged, {free} jobs at no charge."
