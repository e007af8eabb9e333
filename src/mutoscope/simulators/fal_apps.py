"""The simulated fal's apps: the arguments each takes, what it makes of them, and its price."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from math import sqrt
from types import MappingProxyType
from typing import Any, Final

from PIL import Image, UnidentifiedImageError

PROMPT_MAX: Final = 5_000
PICTURE: Final = "https://"
STYLES: Final = ("anime", "3d_animation", "clay", "comic", "cyberpunk")
QUALITIES: Final = {"low": 10_000, "medium": 40_000, "high": 160_000, "auto": 160_000}
TOKEN_MICROS: Final = 5
EDIT_MICROS: Final = 13_000
STEP_PX: Final = 16
_PIXELS: Final = {
    "360p": 640 * 360, "480p": 832 * 480, "540p": 960 * 540, "720p": 1_280 * 720,
    "1080p": 1_920 * 1_080, "4k": 3_840 * 2_160,
}  # fmt: skip
_SIDES: Final = {"0.5K": 512, "1K": 1_024, "2K": 2_048, "4K": 4_096}
_RATIOS: Final = (
    "auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16",
    "4:1", "1:4", "8:1", "1:8",
)  # fmt: skip

Arguments = Mapping[str, Any]
Rule = Callable[[Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an app makes of its arguments."""

    width: int
    height: int
    duration_s: float = 0
    images: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app: a rule for each argument, those that must be there, its product and its bill.

    `unit_micros` is the price of one of the units that an answer counts; `clash` names an
    argument that does not go with another.
    """

    rules: Mapping[str, Rule]
    required: tuple[str, ...]
    made: Callable[[Arguments], Made]
    micros: Callable[[Arguments], int]
    unit_micros: int
    clash: Callable[[Arguments], str | None] = lambda _: None

    def wrong(self, arguments: Arguments) -> str | None:
        """Return the name of the first argument that is missing, unknown or wrong."""
        for name in self.required:
            if name not in arguments:
                return name
        for name, value in arguments.items():
            if name not in self.rules or not self.rules[name](value):
                return name
        return self.clash(arguments)


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= PROMPT_MAX


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _one_of(*allowed: object) -> Rule:
    return lambda value: isinstance(value, str) and value in allowed


def _whole(least: int, most: int) -> Rule:
    return lambda value: type(value) is int and least <= value <= most


def _share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _picture(value: object) -> bool:
    return isinstance(value, str) and (value.startswith(PICTURE) or _size(value) is not None)


def _pictures(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 16 and all(map(_picture, value))  # noqa: PLR2004


def _size(url: str) -> tuple[int, int] | None:
    """Return the size of a picture that an address holds; one elsewhere is believed."""
    if url.startswith(PICTURE):
        return 1_280, 720
    try:
        with Image.open(BytesIO(b64decode(url.partition(";base64,")[2], validate=True))) as image:
            return image.size
    except (NoBase64, UnidentifiedImageError, OSError):
        return None


def _custom_size(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    sides = (value.get("width"), value.get("height"))
    return all(type(side) is int and side % STEP_PX == 0 and 0 < side <= 3_840 for side in sides)  # noqa: PLR2004


def _clip(arguments: Arguments, pixels: int, duration_s: float) -> Made:
    wide, high = _size(arguments["image_url"]) or (16, 9)
    scale = sqrt(pixels / (wide * high))
    return Made(
        width=2 * round(wide * scale / 2), height=2 * round(high * scale / 2),
        duration_s=duration_s,
    )  # fmt: skip


_MOVING: Final[Mapping[str, Rule]] = {
    "prompt": _text, "image_url": _picture, "negative_prompt": _text,
}  # fmt: skip
_SEED: Final = _whole(0, 2**31 - 1)
_FROM_STILL: Final = ("prompt", "image_url")


def _kling(*, base_micros: int, second_micros: int, pixels: int, is_pro: bool) -> App:
    def micros(arguments: Arguments) -> int:
        return base_micros + second_micros * (int(arguments.get("duration", "5")) - 5)

    tail: Mapping[str, Rule] = {"tail_image_url": _picture} if is_pro else {}
    return App(
        rules={**_MOVING, "duration": _one_of("5", "10"), "cfg_scale": _share, **tail},
        required=_FROM_STILL, micros=micros, unit_micros=second_micros,
        made=lambda arguments: _clip(arguments, pixels, int(arguments.get("duration", "5"))),
    )  # fmt: skip


def _pixverse() -> App:
    by_resolution = {"360p": 150_000, "540p": 150_000, "720p": 200_000, "1080p": 400_000}

    def micros(arguments: Arguments) -> int:
        is_long = arguments.get("duration", "5") == "8"
        return by_resolution[arguments.get("resolution", "720p")] * (2 if is_long else 1)

    def made(arguments: Arguments) -> Made:
        pixels = _PIXELS[arguments.get("resolution", "720p")]
        return _clip(arguments, pixels, int(arguments.get("duration", "5")))

    def clash(arguments: Arguments) -> str | None:
        is_large = arguments.get("resolution") == "1080p"
        return "duration" if is_large and arguments.get("duration") == "8" else None

    return App(
        clash=clash,
        rules={
            **_MOVING, "resolution": _one_of(*by_resolution), "duration": _one_of("5", "8"),
            "style": _one_of(*STYLES), "seed": _SEED,
        },
        required=_FROM_STILL, made=made, micros=micros, unit_micros=10_000,
    )  # fmt: skip


def _wan() -> App:
    def micros(arguments: Arguments) -> int:
        flat = {"480p": 200_000, "720p": 400_000}[arguments.get("resolution", "720p")]
        return flat * 5 // 4 if arguments.get("num_frames", 81) > 81 else flat  # noqa: PLR2004

    def made(arguments: Arguments) -> Made:
        frames, rate = arguments.get("num_frames", 81), arguments.get("frames_per_second", 16)
        return _clip(arguments, _PIXELS[arguments.get("resolution", "720p")], frames / rate)

    return App(
        rules={
            **_MOVING, "num_frames": _whole(81, 100), "frames_per_second": _whole(5, 24),
            "seed": _SEED, "resolution": _one_of("480p", "720p"),
            "num_inference_steps": _whole(2, 40),
            "enable_safety_checker": _flag, "aspect_ratio": _one_of("auto", "16:9", "9:16", "1:1"),
        },
        required=_FROM_STILL, made=made, micros=micros, unit_micros=10_000,
    )  # fmt: skip


def _veo() -> App:
    def seconds(arguments: Arguments) -> int:
        return int(arguments.get("duration", "8s").removesuffix("s"))

    def micros(arguments: Arguments) -> int:
        is_heard: bool = arguments.get("generate_audio", True)
        is_huge = bool(arguments.get("resolution", "720p") == "4k")
        return seconds(arguments) * 200_000 * (1 + is_heard + is_huge)

    def made(arguments: Arguments) -> Made:
        pixels = _PIXELS[arguments.get("resolution", "720p")]
        return _clip(arguments, pixels, seconds(arguments))

    return App(
        rules={
            **_MOVING, "aspect_ratio": _one_of("auto", "16:9", "9:16"), "seed": _SEED,
            "duration": _one_of("4s", "6s", "8s"), "resolution": _one_of("720p", "1080p", "4k"),
            "generate_audio": _flag, "auto_fix": _flag,
            "safety_tolerance": _one_of("1", "2", "3", "4", "5", "6"),
        },
        required=_FROM_STILL, made=made, micros=micros, unit_micros=200_000,
    )  # fmt: skip


def _nano_banana(*, is_edit: bool) -> App:
    quarters = {"0.5K": 3, "1K": 4, "2K": 6, "4K": 8}

    def micros(arguments: Arguments) -> int:
        images: int = arguments.get("num_images", 1)
        return images * 20_000 * quarters[arguments.get("resolution", "1K")]

    def made(arguments: Arguments) -> Made:
        ratio = arguments.get("aspect_ratio", "auto").replace("auto", "16:9")
        wide, high = (int(side) for side in ratio.split(":"))
        scale = _SIDES[arguments.get("resolution", "1K")] / sqrt(wide * high) / STEP_PX
        return Made(
            width=STEP_PX * round(wide * scale), height=STEP_PX * round(high * scale),
            images=arguments.get("num_images", 1),
        )  # fmt: skip

    rules: dict[str, Rule] = {
        "prompt": _text, "num_images": _whole(1, 4), "seed": _SEED,
        "aspect_ratio": _one_of(*_RATIOS), "output_format": _one_of("jpeg", "png", "webp"),
        "resolution": _one_of(*_SIDES),
        "safety_tolerance": _one_of("1", "2", "3", "4", "5", "6"),
    }  # fmt: skip
    return App(
        rules={**rules, "image_urls": _pictures} if is_edit else rules,
        required=("prompt", "image_urls") if is_edit else ("prompt",),
        made=made, micros=micros, unit_micros=80_000,
    )  # fmt: skip


def _gpt_image(*, is_edit: bool) -> App:
    """Return OpenAI's model, which is billed by tokens: a unit is a dollar."""

    def micros(arguments: Arguments) -> int:
        each = QUALITIES[arguments.get("quality", "high")] + (EDIT_MICROS if is_edit else 0)
        images: int = arguments.get("num_images", 1)
        return each * images + TOKEN_MICROS * (len(arguments["prompt"]) // 4)

    def made(arguments: Arguments) -> Made:
        size = arguments.get("image_size", {"width": 1_024, "height": 768})
        return Made(
            width=size["width"], height=size["height"], images=arguments.get("num_images", 1)
        )

    rules: dict[str, Rule] = {
        "prompt": _text, "image_size": _custom_size, "quality": _one_of(*QUALITIES),
        "num_images": _whole(1, 4), "output_format": _one_of("jpeg", "png", "webp"),
    }  # fmt: skip
    changing: dict[str, Rule] = {"image_urls": _pictures, "mask_url": _picture}
    return App(
        rules={**rules, **changing} if is_edit else rules,
        required=("prompt", "image_urls") if is_edit else ("prompt",),
        made=made, micros=micros, unit_micros=1_000_000,
    )  # fmt: skip


APPS: Final[Mapping[str, App]] = MappingProxyType(
    {
        "fal-ai/kling-video/v2.1/standard/image-to-video": _kling(
            base_micros=280_000, second_micros=56_000, pixels=_PIXELS["720p"], is_pro=False
        ),
        "fal-ai/kling-video/v2.1/pro/image-to-video": _kling(
            base_micros=490_000, second_micros=98_000, pixels=_PIXELS["1080p"], is_pro=True
        ),
        "fal-ai/pixverse/v4/image-to-video": _pixverse(),
        "fal-ai/wan-i2v": _wan(),
        "fal-ai/veo3.1/image-to-video": _veo(),
        "fal-ai/nano-banana-2": _nano_banana(is_edit=False),
        "fal-ai/nano-banana-2/edit": _nano_banana(is_edit=True),
        "openai/gpt-image-2": _gpt_image(is_edit=False),
        "openai/gpt-image-2/edit": _gpt_image(is_edit=True),
    }
)
