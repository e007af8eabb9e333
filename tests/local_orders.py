"""Orders for the built-in engine, small enough to be rendered by the dozen."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

from PIL import Image

from mutoscope.app.ports import Order, Render
from mutoscope.providers.local import scratch
from mutoscope.providers.local.render import carry_out

JOBS = UUID("5b1f2f5e-6a53-4f5e-9a53-0f6a5f3d2c11")


def ordered(name: str, **changed: object) -> Order:
    order = Order(
        job_id=uuid5(JOBS, name), tool="image_generation", prompt="sea at sunset, a woman",
        seed=7, width=96, height=54,
    )  # fmt: skip
    return replace(order, **changed)  # type: ignore[arg-type]  # each test names fields of an order


def upload(folder: Path, size: tuple[int, int] = (120, 90)) -> Path:
    path = folder / "upload.jpg"
    Image.linear_gradient("L").resize(size).convert("RGB").save(path)
    return path


def rendered(folder: Path, order: Order) -> Render:
    """Carry an order out in this process."""
    scratch.keep_order(folder=folder, order=order)
    carry_out(folder=folder)
    render = scratch.outcome(folder=folder)
    assert render is not None
    return render
