"""Whether a model behind a route can do what a job asks, told before anything is held.

A tool is what the studio sells; a model may make fewer pictures at once, or take a shorter
description. What can be known beforehand is refused beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mutoscope.app.ports import Capabilities, ProviderError

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.domain.jobs import JobSpec
    from mutoscope.domain.routes import Route


_UNKNOWN: Final = Capabilities(images_max=0, prompt_max=0, output_ttl_s=0)


def fits(studio: Studio, route: Route, spec: JobSpec) -> bool:
    """Tell whether the model of a route can do a job; a generator of our own can do all."""
    able = _able(studio, route)
    return able is None or (
        spec.images <= able.images_max
        and (spec.duration_s is None or spec.duration_s in able.durations_s)
        and _length(spec) <= able.prompt_max
        and ("region_x" not in (spec.adjustments or {}) or able.takes_mask)
    )


def engine_fits(studio: Studio, spec: JobSpec) -> bool:
    """Tell whether the built-in engine makes so many pictures at once; of a still it makes one."""
    images_max = studio.engine_images_max
    return images_max is None or spec.images <= (images_max if spec.source is None else 1)


def engine_limits(studio: Studio) -> str:
    """Return what the built-in engine makes at most, as a remedy."""
    return f"the built-in engine makes at most {studio.engine_images_max} at once, 1 from a still"


def limits(studio: Studio, routes: Iterable[Route]) -> str:
    """Return what the models of some routes can do at most, as a remedy."""
    found = [able for route in routes if (able := _able(studio, route)) is not None]
    images = max((able.images_max for able in found), default=1)
    prompt = max((able.prompt_max for able in found), default=0)
    lasting = sorted({seconds for able in found for seconds in able.durations_s})
    clips = f", clips of {', '.join(map(str, lasting))} s" if lasting else ""
    return f"at most {images} at once{clips}, with at most {prompt:,} characters of words"


def _able(studio: Studio, route: Route) -> Capabilities | None:
    company = studio.providers.get(route.provider)
    if company is None:
        return None
    try:
        return company.capabilities(model=route.model)
    except ProviderError:
        return _UNKNOWN  # `providers routes` tells staff: the adapter knows no such model


def _length(spec: JobSpec) -> int:
    """Return the strictest count of a job's words: in units of UTF-16."""
    words = " ".join((spec.prompt, spec.instruction or "", *spec.history))
    return len(words.encode("utf-16-le")) // 2
