"""Whether a model behind a route can do what a job asks, told before anything is held.

A tool is what the studio sells; a model may make fewer pictures at once, or take a shorter
description. What can be known beforehand is refused beforehand, with what would do. The built-in
engine is one of the models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.app.ports import Capabilities, ProviderError
from mutoscope.domain.fine_tune import REGION, sentence_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from mutoscope.app.studio import Studio
    from mutoscope.domain.jobs import JobSpec
    from mutoscope.domain.routes import Route


AROUND: Final = 120
"""Characters that a provider is told around an edit: what to keep, and what was changed before."""

_UNKNOWN: Final = Capabilities(images_max=0, prompt_max=0, output_ttl_s=0)


def fits(studio: Studio, route: Route, spec: JobSpec) -> bool:
    """Tell whether the model of a route can do a job."""
    return not _lacking(_able(studio, route), spec)


def limits(studio: Studio, routes: Iterable[Route], spec: JobSpec) -> str:
    """Return why the models of some routes cannot do a job, as a remedy: the most that one can."""
    ables = [_able(studio, route) for route in routes]
    most = max(ables, key=lambda able: _images_max(able, spec))
    if spec.images > _images_max(most, spec):
        return _lacking(most, spec)
    return "; or ".join(dict.fromkeys(_lacking(able, spec) for able in ables))


def length(spec: JobSpec) -> int:
    """Return the strictest count of what a provider is told, in units of UTF-16, or more."""
    told = [spec.prompt]
    if spec.source is not None and (spec.instruction or spec.adjustments):
        changes = sentence_of(spec.adjustments) if spec.adjustments else ""
        told = [*spec.history, spec.instruction or "", changes, " " * AROUND]
    return len("; ".join(told).encode("utf-16-le")) // 2


def _able(studio: Studio, route: Route) -> Capabilities:
    try:
        return studio.generator(route.provider).capabilities(model=route.model)
    except ProviderError:
        return _UNKNOWN  # `providers routes` tells staff: the adapter knows no such model


def _lacking(able: Capabilities, spec: JobSpec) -> str:
    """Return what a model can do of that for which a job asks too much; empty when it fits."""
    if able is _UNKNOWN:
        return "a route names a model that is none, which `mutoscope providers routes` tells staff"
    if spec.images > (images_max := _images_max(able, spec)):
        return f"at most {images_max} at once{'' if spec.source is None else ' from a still'}"
    if spec.duration_s is not None and spec.duration_s not in able.durations_s:
        return f"clips of {', '.join(map(str, able.durations_s)) or 'no'} seconds"
    if length(spec) > able.prompt_max:
        return f"at most {able.prompt_max:,} characters of words"
    if spec.instruction and able.wording and (understood := able.wording(spec.instruction)):
        return understood
    return _unadjusted(able, (spec.adjustments or {}).keys())


def _images_max(able: Capabilities, spec: JobSpec) -> int:
    if spec.source is None or able.edits_max is None:
        return able.images_max
    return able.edits_max


def _unadjusted(able: Capabilities, wanted: AbstractSet[str]) -> str:
    """Return what a model adjusts, when some of what is wanted is not among it."""
    if able.adjustments is not None and not wanted <= able.adjustments:
        others, own = _listed(wanted - able.adjustments), _listed(able.adjustments)
        return f"no change of {others}, only {own}"
    if not able.takes_mask and not wanted.isdisjoint(REGION):
        return "changes of the whole picture, without a region"
    return ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
