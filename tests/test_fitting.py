"""What a job asks of a model is counted beforehand as strictly as it is told afterwards."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mutoscope.app.fitting import AROUND, length
from mutoscope.app.ports import Order
from mutoscope.domain.jobs import FrameName, JobSpec
from mutoscope.providers.wording import asked


@pytest.mark.parametrize(
    "changes",
    [
        {"instruction": "Make it night."},
        {"instruction": "Make it night.", "history": ("Add a cat", "Remove the rain")},
        {"adjustments": {"light": "left", "region_x": 0.1, "region_y": 0.1,
                         "region_width": 0.5, "region_height": 0.5}},
        {"instruction": "𝄞" * 40, "adjustments": {"exposure": 1.0}, "history": ("x",)},
    ],
)  # fmt: skip
def test_what_is_told_is_no_longer_than_what_was_counted(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    told = asked(
        Order(
            job_id=UUID(int=1), tool="any", prompt="A lamp.", seed=1, width=1280, height=720,
            source_path=tmp_path, **changes,
        )
    )  # fmt: skip
    spec = JobSpec(
        prompt="A lamp.", seed=1, ratio="16:9", width=1280, height=720, images=1,
        duration_s=None, source=FrameName("job", 1),
        **{"instruction": None, "adjustments": None, **changes},
    )  # fmt: skip

    assert len(told.encode("utf-16-le")) // 2 <= length(spec) <= 2 * len(told) + 2 * AROUND
