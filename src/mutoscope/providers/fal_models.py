"""fal's apps for clips: what each can do, how it wants an order spelled, and its list price."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mutoscope.app.ports import CancelRule, Capabilities, ErrorCode, Order, Reconcile
from mutoscope.providers.pictures import Pictures, Still, nearest_ratio
from mutoscope.providers.wire import refusal
from mutoscope.providers.wording import asked

WEEK_S: Final = 604_800
SEEDS: Final = 2**31
PROMPT_MAX: Final = 2_500
WAN_FRAMES: Final = 81
ANY_ABLE: Final[Mapping[str, Any]] = {
    "prompt_max": PROMPT_MAX, "image_bytes_max": 7_500_000, "cancel": CancelRule.QUEUED_ONLY,
    "has_webhook": True, "reconcile": Reconcile.BY_CALL_BACK, "output_ttl_s": WEEK_S,
}  # fmt: skip

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app; `micros` is what its arguments cost by the list."""

    able: Capabilities
    arguments: Callable[[Order, Pictures], Arguments]
    micros: Callable[[Arguments], int]


def still(pictures: Pictures) -> Still:
    """Return the still that an app starts from.

    :raises ProviderError: when there is none (`bad_input`).
    """
    if pictures.source is None:
        raise refusal(ErrorCode.BAD_INPUT, "This tool starts from a still: choose a frame.")
    return pictures.source


def _moving(order: Order, pictures: Pictures) -> Arguments:
    return {"prompt": asked(order), "image_url": still(pictures).data_uri}


def _kling(first_micros: int, second_micros: int) -> App:
    def arguments(order: Order, pictures: Pictures) -> Arguments:
        return {**_moving(order, pictures), "duration": str(order.duration_s)}

    return App(
        able=Capabilities(durations_s=(5, 10), has_negative_prompt=True, **ANY_ABLE),
        arguments=arguments,
        micros=lambda given: first_micros + second_micros * (int(given["duration"]) - 5),
    )


def _pixverse() -> App:
    prices = {"360p": 150_000, "540p": 150_000, "720p": 200_000, "1080p": 400_000}

    def arguments(order: Order, pictures: Pictures) -> Arguments:
        return {
            **_moving(order, pictures), "duration": str(order.duration_s), "resolution": "720p",
            "seed": order.seed % SEEDS,
        }  # fmt: skip

    return App(
        able=Capabilities(
            durations_s=(5, 8), resolutions_px=(360, 540, 720, 1_080), has_seed=True,
            has_negative_prompt=True, **ANY_ABLE,
        ),
        arguments=arguments,
        micros=lambda given: prices[given["resolution"]] * (2 if given["duration"] == "8" else 1),
    )  # fmt: skip


def _wan() -> App:
    prices = {"480p": 200_000, "720p": 400_000}

    def arguments(order: Order, pictures: Pictures) -> Arguments:
        return {
            **_moving(order, pictures), "resolution": "720p", "num_frames": WAN_FRAMES,
            "frames_per_second": 16, "seed": order.seed % SEEDS,
        }  # fmt: skip

    def micros(given: Arguments) -> int:
        return prices[given["resolution"]] * (5 if given["num_frames"] > WAN_FRAMES else 4) // 4

    return App(
        able=Capabilities(
            durations_s=(5,), resolutions_px=(480, 720), has_seed=True, has_negative_prompt=True,
            **ANY_ABLE,
        ),
        arguments=arguments,
        micros=micros,
    )  # fmt: skip


def _veo() -> App:
    ratios = ("16:9", "9:16")

    def arguments(order: Order, pictures: Pictures) -> Arguments:
        return {
            **_moving(order, pictures), "duration": f"{order.duration_s}s", "resolution": "720p",
            "aspect_ratio": nearest_ratio(order=order, ratios=ratios), "generate_audio": True,
            "seed": order.seed % SEEDS,
        }  # fmt: skip

    def micros(given: Arguments) -> int:
        steps = 1 + bool(given["generate_audio"]) + bool(given["resolution"] == "4k")
        seconds = int(given["duration"].removesuffix("s"))
        return seconds * steps * 200_000

    return App(
        able=Capabilities(
            durations_s=(4, 6, 8), ratios=ratios, resolutions_px=(720, 1_080, 2_160),
            has_seed=True, has_negative_prompt=True, **ANY_ABLE,
        ),
        arguments=arguments,
        micros=micros,
    )  # fmt: skip


CLIPS: Final[Mapping[str, App]] = MappingProxyType(
    {
        "fal-ai/kling-video/v2.1/standard/image-to-video": _kling(280_000, 56_000),
        "fal-ai/kling-video/v2.1/pro/image-to-video": _kling(490_000, 98_000),
        "fal-ai/pixverse/v4/image-to-video": _pixverse(),
        "fal-ai/wan-i2v": _wan(),
        "fal-ai/veo3.1/image-to-video": _veo(),
    }
)
