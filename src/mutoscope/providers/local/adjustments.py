"""Structured changes to a still: named fields with ranges.

Owns the fields that a fine-tune may set. Each is absolute, not a step: the same adjustments on
the same still give the same picture. `seed_nudge` alone counts from what is there.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mutoscope.providers.local.edits import Edit
from mutoscope.providers.local.grade import RANGES, Grade
from mutoscope.providers.local.refusals import OrderRefused
from mutoscope.providers.local.scene import Scene, ShotSize, Side, TimeOfDay, Weather

SEED_NUDGE_MAX = 1_000

SCENE_CHOICES: Mapping[str, tuple[str, ...]] = {
    "light": tuple(Side),
    "time_of_day": tuple(TimeOfDay),
    "shot_size": tuple(ShotSize),
    "weather": tuple(Weather),
}
FLIPS = ("none", "horizontal")

_SCENE_SETTERS: Mapping[str, Callable[[Scene, str], Scene]] = {
    "light": lambda scene, value: replace(scene, light=Side(value)),
    "time_of_day": lambda scene, value: replace(scene, time=TimeOfDay(value)),
    "shot_size": lambda scene, value: replace(scene, shot=ShotSize(value)),
    "weather": lambda scene, value: replace(scene, weather=Weather(value)),
}


def read_adjustments(*, adjustments: Mapping[str, str | float]) -> Edit:
    """Turn named values into an edit.

    :raises OrderRefused: when a name is unknown or a value is out of its range.
    """
    scene_changes: list[Callable[[Scene], Scene]] = []
    grade_changes: list[Callable[[Grade], Grade]] = []
    for name, value in adjustments.items():
        if name in SCENE_CHOICES:
            scene_changes.append(_scene_change(name, _chosen(name, value, SCENE_CHOICES[name])))
        elif name == "seed_nudge":
            scene_changes.append(_nudge(_within(name, value, -SEED_NUDGE_MAX, SEED_NUDGE_MAX)))
        elif name == "flip":
            grade_changes.append(_flip(_chosen(name, value, FLIPS)))
        elif name in RANGES:
            grade_changes.append(_grade_change(name, _within(name, value, *RANGES[name])))
        else:
            raise OrderRefused(field="adjustment", value=name, allowed=field_names())
    return Edit(scene=tuple(scene_changes), grade=tuple(grade_changes))


def field_names() -> tuple[str, ...]:
    """List the fields that may be adjusted."""
    return (*SCENE_CHOICES, *RANGES, "flip", "seed_nudge")


def _chosen(name: str, value: str | float, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise OrderRefused(field=name, value=value, allowed=allowed)
    return str(value)


def _within(name: str, value: str | float, low: float, high: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= float(value) <= high:
        raise OrderRefused(field=name, value=value, allowed=(f"{low:g} to {high:g}",))
    return float(value)


def _scene_change(name: str, value: str) -> Callable[[Scene], Scene]:
    return lambda scene: _SCENE_SETTERS[name](scene, value)


def _nudge(value: float) -> Callable[[Scene], Scene]:
    if value != int(value):
        raise OrderRefused(field="seed_nudge", value=value, allowed=("a whole number",))
    return lambda scene: replace(scene, seed=abs(scene.seed + int(value)))


def _flip(value: str) -> Callable[[Grade], Grade]:
    return lambda grade: replace(grade, is_flipped=value == "horizontal")


def _grade_change(name: str, value: float) -> Callable[[Grade], Grade]:
    changed: dict[str, float] = {name: value}
    return lambda grade: replace(grade, **changed)  # type: ignore[arg-type]  # a name of RANGES is a float field
