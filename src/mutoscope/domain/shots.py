"""The shots of a screenplay: one prompt for each paragraph of action.

Owns the wording of prompts. The invariant: a prompt names the scene's place first, then its time
of day and weather, then the action in the author's words, and is never longer than asked. The
surprising choice: where the author names no shot size, an outdoor scene opens wide and goes on
nearer, as films do.
"""

import re
from dataclasses import dataclass

from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.screenplay import Scene, Screenplay

PROMPT_MAX = 400  # characters; every provider takes as many

_SHOT_SIZE = re.compile(
    r"\b(wide|(long|full|mid|two|close)[ -]shot|medium|close-?up|close on|establishing|aerial"
    r"|macro|portrait)\b",
    re.IGNORECASE,
)
_MEANT = {
    "wide": ShotSize.WIDE, "long": ShotSize.WIDE, "establishing": ShotSize.WIDE,
    "aerial": ShotSize.EXTREME_WIDE, "full": ShotSize.FULL, "mid": ShotSize.MEDIUM,
    "two": ShotSize.MEDIUM, "medium": ShotSize.MEDIUM, "close": ShotSize.CLOSE_UP,
    "closeup": ShotSize.CLOSE_UP, "portrait": ShotSize.CLOSE_UP,
    "macro": ShotSize.EXTREME_CLOSE_UP,
}  # fmt: skip
"""Which shot size an author means by the first word of those that name one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture to make; shots and scenes are counted from 1 through the whole screenplay."""

    number: int
    scene: int
    heading: str
    prompt: str
    dialogue: str
    shot_size: ShotSize


def shots(*, screenplay: Screenplay, prompt_max: int = PROMPT_MAX) -> tuple[Shot, ...]:
    """Return the shots of a screenplay in order, each prompt cut at a word to `prompt_max`."""
    places = [
        (number, scene, position)
        for number, scene in enumerate(screenplay.scenes, start=1)
        for position in range(len(scene.action))
    ]
    return tuple(
        Shot(
            number=count, scene=number, heading=scene.heading,
            prompt=_capped(_prompt(scene, position), prompt_max),
            dialogue=scene.dialogue[position] if scene.dialogue else "",
            shot_size=_shot_size(scene, position),
        )
        for count, (number, scene, position) in enumerate(places, start=1)
    )  # fmt: skip


def _prompt(scene: Scene, position: int) -> str:
    """Return the setting, the shot size where the author names none, and the action."""
    paragraph = scene.action[position]
    setting = ", ".join(part for part in (scene.place, scene.time_of_day, *scene.details) if part)
    sentences = [f"{setting[0].upper()}{setting[1:]}."] if setting else []
    if not _SHOT_SIZE.search(paragraph):
        sentences.append(f"{_shot_size(scene, position).capitalize()} shot.")
    return " ".join((*sentences, paragraph))


def _shot_size(scene: Scene, position: int) -> ShotSize:
    """Return the size that the author names, or the one that films would have here."""
    named = _SHOT_SIZE.search(scene.action[position])
    if named is not None:
        return _MEANT[re.split(r"[ -]", named.group().lower())[0]]
    opens_wide = position == 0 and "interior" not in scene.details
    return ShotSize.WIDE if opens_wide else ShotSize.MEDIUM


def _capped(prompt: str, prompt_max: int) -> str:
    """Cut a prompt after the last whole word that fits."""
    if len(prompt) <= prompt_max:
        return prompt
    return prompt[: prompt_max + 1].rpartition(" ")[0] or prompt[:prompt_max]
