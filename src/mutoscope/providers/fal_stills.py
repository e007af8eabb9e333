"""fal's apps for stills: what each can do, how it wants an order spelled, and its list price."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import Capabilities, Order
from mutoscope.providers.fal_models import ANY_ABLE, SEEDS, App, Arguments, still
from mutoscope.providers.pictures import Pictures, nearest_ratio
from mutoscope.providers.wording import asked

STEP_PX: Final = 16
_RATIOS: Final = (
    "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16",
)  # fmt: skip


def _drawn(order: Order, pictures: Pictures, *, is_edit: bool) -> Arguments:
    words: Arguments = {"prompt": asked(order), "num_images": order.images, "output_format": "png"}
    if is_edit:
        stills = (still(pictures), *pictures.references)
        words["image_urls"] = [each.data_uri for each in stills]
    return words


def _nano_banana(*, is_edit: bool) -> App:
    quarters = {"0.5K": 3, "1K": 4, "2K": 6, "4K": 8}

    def arguments(order: Order, pictures: Pictures) -> Arguments:
        return {
            **_drawn(order, pictures, is_edit=is_edit), "resolution": "1K",
            "aspect_ratio": nearest_ratio(order=order, ratios=_RATIOS), "seed": order.seed % SEEDS,
        }  # fmt: skip

    return App(
        able=Capabilities(
            ratios=_RATIOS, resolutions_px=(512, 1_024, 2_048, 4_096), images_max=4,
            references_max=13 if is_edit else 0, has_seed=True, **ANY_ABLE,
        ),
        arguments=arguments,
        micros=lambda given: 20_000 * quarters[given["resolution"]] * int(given["num_images"]),
    )  # fmt: skip


def _gpt_image(*, is_edit: bool) -> App:
    """Return OpenAI's model, which costs what its tokens cost; the list is of 1920x1080."""
    prices = {"low": 10_000, "medium": 40_000, "high": 160_000, "auto": 160_000}
    edit_micros = 13_000 if is_edit else 0

    def arguments(order: Order, pictures: Pictures) -> Arguments:
        sides = {"width": order.width, "height": order.height}
        size = {name: STEP_PX * max(1, round(side / STEP_PX)) for name, side in sides.items()}
        drawn = _drawn(order, pictures, is_edit=is_edit)
        masked = {"mask_url": pictures.mask.data_uri} if pictures.mask else {}
        return {**drawn, **masked, "image_size": size, "quality": "medium"}

    return App(
        able=Capabilities(
            images_max=4, references_max=9 if is_edit else 0, takes_mask=is_edit, **ANY_ABLE
        ),
        arguments=arguments,
        micros=lambda given: (prices[given["quality"]] + edit_micros) * int(given["num_images"]),
    )


STILLS: Final[Mapping[str, App]] = MappingProxyType(
    {
        "fal-ai/nano-banana-2": _nano_banana(is_edit=False),
        "fal-ai/nano-banana-2/edit": _nano_banana(is_edit=True),
        "openai/gpt-image-2": _gpt_image(is_edit=False),
        "openai/gpt-image-2/edit": _gpt_image(is_edit=True),
    }
)
