"""The shots of a screenplay: one prompt for each paragraph of action.

Owns the wording of prompts. The invariant: a prompt names the scene's place first, then its time
of day and weather, then the action in the author's words, and is never longer than asked. The
surprising choice: where the author names no shot size, an outdoor scene opens wide and goes on
nearer, as films do.
"""

import re
from dataclasses import dataclass

from mutoscope.domain.screenplay import Scene, Screenplay

PROMPT_MAX = 400  # characters; every provider takes as many

_SHOT_SIZE = re.compile(
    r"\b(wide|(long|full|mid|two|close)[ -]shot|medium|close-?up|close on|establishing|aerial"
    r"|macro|portrait)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture to make; shots and scenes are counted from 1 through the whole screenplay."""

    number: int
    scene: int
    heading: str
    prompt: str


def shots(*, screenplay: Screenplay, prompt_max: int = PROMPT_MAX) -> tuple[Shot, ...]:
    """Return the shots of a screenplay in order, each prompt cut at a word to `prompt_max`."""
    prompts = [
        (number, scene, _capped(_prompt(scene, position), prompt_max))
        for number, scene in enumerate(screenplay.scenes, start=1)
        for position in range(len(scene.action))
    ]
    return tuple(
        Shot(number=count, scene=number, heading=scene.heading, prompt=prompt)
        for count, (number, scene, prompt) in enumerate(prompts, start=1)
    )


def _prompt(scene: Scene, position: int) -> str:
    """Return the setting, the shot size where the author names none, and the action."""
    paragraph = scene.action[position]
    setting = ", ".join(part for part in (scene.place, scene.time_of_day, *scene.details) if part)
    sentences = [f"{setting[0].upper()}{setting[1:]}."] if setting else []
    if not _SHOT_SIZE.search(paragraph):
        opens_wide = position == 0 and "interior" not in scene.details
        sentences.append("Wide shot." if opens_wide else "Medium shot.")
    return " ".join((*sentences, paragraph))


def _capped(prompt: str, prompt_max: int) -> str:
    """Cut a prompt after the last whole word that fits."""
    if len(prompt) <= prompt_max:
        return prompt
    return prompt[: prompt_max + 1].rpartition(" ")[0] or prompt[:prompt_max]
