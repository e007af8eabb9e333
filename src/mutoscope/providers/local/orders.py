"""Which orders the engine takes, and how each becomes files.

Owns the limits. Everything that could be refused is refused before anything is begun, by the
same reading that the render does later.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mutoscope.app.ports import Order
from mutoscope.providers.local.adjustments import read_adjustments
from mutoscope.providers.local.canvas import Size
from mutoscope.providers.local.clips import FRAMES_PER_SECOND, OVERSAMPLE, film, save_clip
from mutoscope.providers.local.edits import GRADE_ABILITIES, Edit, read_instruction
from mutoscope.providers.local.grade import Grade
from mutoscope.providers.local.markers import without_markers
from mutoscope.providers.local.reading import read
from mutoscope.providers.local.recipe import Recipe
from mutoscope.providers.local.refusals import OrderRefused
from mutoscope.providers.local.scene import Move
from mutoscope.providers.local.stills import (
    fitted,
    graded,
    picture_of,
    recipe_in,
    save_still,
)
from mutoscope.providers.local.vocabulary import MOVES, meant

SIDE_MIN, SIDE_MAX = 32, 2560  # below nothing can be seen; above a painting fills the memory
IMAGES_MAX = 16  # of one order; more is a second order
DURATION_S_MIN, DURATION_S_MAX = 2, 10
PROMPT_CHARACTERS_MAX = 5_000  # far beyond any prompt; a bound for the reading

Report = Callable[[float], None]


def check(*, order: Order) -> None:
    """Refuse an order that the engine cannot carry out.

    :raises OrderRefused: when a size, count, duration, instruction, adjustment or source is.
    """
    _check_figures(order)
    if order.source_path is None:
        if order.instruction is not None or order.adjustments is not None:
            raise OrderRefused(field="source", value=None, allowed=("the still to edit",))
        return
    recipe = recipe_in(path=order.source_path)
    if edit_of(order=order).scene and recipe is None:
        raise OrderRefused(
            field="instruction",
            value=order.instruction or "a change of the scene",
            allowed=("on a still that was not made here", *GRADE_ABILITIES),
        )


def _check_figures(order: Order) -> None:
    for field, value in (("width", order.width), ("height", order.height)):
        if value % 2 or not SIDE_MIN <= value <= SIDE_MAX:
            allowed = f"an even number from {SIDE_MIN} to {SIDE_MAX}"
            raise OrderRefused(field=field, value=value, allowed=(allowed,))
    images_max = 1 if order.source_path or order.duration_s is not None else IMAGES_MAX
    if not 1 <= order.images <= images_max:
        raise OrderRefused(field="images", value=order.images, allowed=(f"1 to {images_max}",))
    duration_s = order.duration_s
    if duration_s is not None and not DURATION_S_MIN <= duration_s <= DURATION_S_MAX:
        allowed = f"{DURATION_S_MIN} to {DURATION_S_MAX} whole seconds"
        raise OrderRefused(field="duration_s", value=duration_s, allowed=(allowed,))
    if len(order.prompt) > PROMPT_CHARACTERS_MAX:
        allowed = f"up to {PROMPT_CHARACTERS_MAX} characters"
        raise OrderRefused(field="prompt", value=f"{order.prompt[:40]}…", allowed=(allowed,))


def edit_of(*, order: Order) -> Edit:
    """Read what an order changes: its instruction, then its adjustments.

    :raises OrderRefused: when either is not understood.
    """
    edits = []
    if order.instruction is not None:
        edits.append(read_instruction(instruction=without_markers(text=order.instruction)))
    if order.adjustments is not None:
        edits.append(read_adjustments(adjustments=order.adjustments))
    return Edit(
        scene=tuple(change for edit in edits for change in edit.scene),
        grade=tuple(change for edit in edits for change in edit.grade),
    )


def understood(instruction: str) -> str:
    """Return what an instruction may say, when something in it is not understood; else nothing."""
    try:
        read_instruction(instruction=without_markers(text=instruction))
    except OrderRefused as error:
        return str(error)
    return ""


def make(*, order: Order, folder: Path, images: int, report: Report) -> tuple[Path, ...]:
    """Make the files of an order; `report` hears the share that is done, and may raise to stop.

    :raises OrderRefused: when the source can no longer be read.
    """
    if order.duration_s is not None:
        return (_make_clip(order, order.duration_s, folder, report),)
    if order.source_path is not None:
        return (_make_edited(order, order.source_path, folder),)
    paths = []
    for index in range(images):
        recipe = Recipe(scene=read(prompt=order.prompt, seed=order.seed + index))
        path = folder / f"still-{index + 1}.png"
        picture = picture_of(recipe=recipe, size=Size(order.width, order.height))
        save_still(picture=picture, caption=recipe.grade.caption, recipe=recipe, path=path)
        paths.append(path)
        report((index + 1) / images)
    return tuple(paths)


def _make_edited(order: Order, source: Path, folder: Path) -> Path:
    path, size = folder / "still-1.png", Size(order.width, order.height)
    edit, before = edit_of(order=order), recipe_in(path=source)
    if before is None:
        grade = edit.of_grade(Grade())
        picture = graded(picture=fitted(path=source, size=size), grade=grade, seed=order.seed)
        save_still(picture=picture, caption=grade.caption, recipe=None, path=path)
        return path
    after = edit.of_recipe(before)
    picture = picture_of(recipe=after, size=size)
    save_still(picture=picture, caption=after.grade.caption, recipe=after, path=path)
    return path


def _make_clip(order: Order, duration_s: int, folder: Path, report: Report) -> Path:
    path, size = folder / "clip-1.mp4", Size(order.width, order.height)
    large = Size(*(round(side * OVERSAMPLE / 2) * 2 for side in size))
    recipe = _recipe_to_film(order)
    if recipe:
        clean = replace(recipe, grade=replace(recipe.grade, grain=0.0))
        picture, caption = picture_of(recipe=clean, size=large), recipe.grade.caption
    else:
        assert order.source_path is not None
        picture, caption = fitted(path=order.source_path, size=large), ""
    frames = film(
        picture=picture, size=size, move=_move(order, recipe), seed=order.seed,
        duration_s=duration_s, caption=caption,
    )  # fmt: skip
    count = duration_s * FRAMES_PER_SECOND
    save_clip(frames=frames, size=size, path=path, after_frame=lambda done: report(done / count))
    return path


def _recipe_to_film(order: Order) -> Recipe | None:
    if order.source_path is not None:
        return recipe_in(path=order.source_path)
    return Recipe(scene=read(prompt=order.prompt, seed=order.seed))


def _move(order: Order, recipe: Recipe | None) -> Move:
    asked = meant(text=order.prompt, table=MOVES)
    if asked:
        return asked
    return recipe.scene.move if recipe else read(prompt=order.prompt, seed=order.seed).move
