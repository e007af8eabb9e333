"""What a job and a grant would be under a draft of the catalog, from what they were."""

from uuid import UUID

import pytest

from mutoscope.bootstrap import read_catalog
from mutoscope.domain.draft import PastJob, granted_under, held_under
from mutoscope.domain.offers import Allowance, Basis

(VERSION,) = read_catalog(None).versions
ID = UUID(int=1)
CLIP = PastJob(
    workspace_id=ID, job_id=ID, kind="video", tool="kling_pro", version=VERSION.key, price=50,
    captured=50, images=1, duration_s=5, outputs=1, duration_ms=5_000, cost_micros=0,
)  # fmt: skip


def allowance(basis: Basis, credits_given: int = 0) -> Allowance:
    return Allowance(kind="video", basis=basis, credits=credits_given)


FIXED = allowance(Basis.FIXED, 700)


@pytest.mark.parametrize(
    ("then", "draft", "granted"),
    [
        (FIXED, allowance(Basis.FIXED, 1_000), 500),
        (FIXED, allowance(Basis.FIXED, 1), 1),
        (FIXED, None, 0),
        (FIXED, allowance(Basis.UNLIMITED), 350),
        (allowance(Basis.AGREED), allowance(Basis.FIXED, 1_000), 350),
        (None, allowance(Basis.FIXED, 1_000), 350),
    ],
)
def test_a_grant_is_the_same_share_of_the_draft_s_allowance(
    then: Allowance | None, draft: Allowance | None, granted: int
) -> None:
    assert granted_under(amount=350, then=then, draft=draft) == granted


@pytest.mark.parametrize(
    ("tool", "duration_s", "held"),
    [("kling_pro", 5, 50), ("runway_gen4_turbo", 5, 25), ("runway_gen4_turbo", None, None),
     ("kling_standard", 5, 25), ("image_generation", None, 1)],
)  # fmt: skip
def test_a_job_holds_what_the_draft_s_rate_says(
    tool: str, duration_s: int | None, held: int | None
) -> None:
    then, draft = VERSION.tool(key="kling_pro"), VERSION.tool(key=tool)

    job = CLIP._replace(duration_s=duration_s)

    assert held_under(job=job, then=then, draft=draft) == held
