"""What a job costs: the price a hold takes, and the part of it that is captured on delivery.

Owns the arithmetic of rates; estimate and charge are these same functions. The invariant:
0 <= captured <= held = price, so the price told beforehand is a ceiling. The surprising choice: a
clip may run a quarter of a second over before its next second counts, because encoders round a
clip's length to whole frames; the rest of a begun second counts in full.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from mutoscope.domain.catalog import Version
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.offers import FreeAmount, Money, Tool, Unit

TOLERANCE_S = Fraction(1, 4)  # of a delivered clip, in the creator's favour


class BadDuration(Refusal):
    """A tool makes no clip of that duration, or no clips at all."""

    code = "bad_duration"

    def __init__(self, *, tool: str, duration_s: int | None, allowed: tuple[int, ...]) -> None:
        remedy = f"ask for {_either(allowed)} s" if allowed else "leave the duration out"
        asked = "a clip without a duration" if duration_s is None else f"{duration_s} s"
        super().__init__(f"{tool} does not take {asked}: {remedy}")
        self.tool = tool
        self.duration_s = duration_s
        self.allowed = allowed


class BadImageCount(Refusal):
    """A tool does not deliver that number of outputs in one job."""

    code = "bad_image_count"

    def __init__(self, *, tool: str, images: int, images_max: int) -> None:
        remedy = f"ask for 1 to {images_max}" if images_max > 1 else "ask for 1"
        super().__init__(f"{tool} does not make {images} in one job: {remedy}")
        self.tool = tool
        self.images = images
        self.images_max = images_max


class BadRatio(Refusal):
    """A tool makes no picture of that ratio."""

    code = "bad_ratio"

    def __init__(self, *, tool: str, ratio: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{tool} does not take ratio {ratio[:20]!r}: choose {_either(allowed)}")
        self.tool = tool
        self.ratio = ratio
        self.allowed = allowed


class BadResolution(Refusal):
    """A tool makes no picture of that resolution."""

    code = "bad_resolution"

    def __init__(self, *, tool: str, resolution_px: int, allowed: tuple[int, ...]) -> None:
        super().__init__(
            f"{tool} does not take {resolution_px} pixels on the shorter side:"
            f" choose {_either(allowed)}"
        )
        self.tool = tool
        self.resolution_px = resolution_px
        self.allowed = allowed


class PurchaseTooSmall(Refusal):
    """Fewer credits were asked for than the smallest purchase."""

    code = "purchase_too_small"

    def __init__(self, *, amount: int, smallest: int) -> None:
        super().__init__(
            f"{amount} credits cannot be bought alone: the smallest purchase is {smallest}"
        )
        self.amount = amount
        self.smallest = smallest


class NotForSale(Refusal):
    """Credits of a kind are not sold in amounts that the buyer chooses."""

    code = "not_for_sale"

    def __init__(self, *, kind: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"no free amounts of {kind[:40]!r} credits are for sale:"
            f" choose a pack, or one of {', '.join(allowed) or 'none'}"
        )
        self.kind = kind
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Affordable:
    """What credits buy of one tool, in whole jobs: images, or clips and their seconds in all."""

    images: int
    clips: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and height of a picture in pixels, both even."""

    width: int
    height: int


def price(*, tool: Tool, images: int = 1, duration_s: int | None = None) -> int:
    """Return the credits that a job holds: the most it can cost.

    :raises BadImageCount: when the tool does not make that many in one job; a clip is always one.
    :raises BadDuration: when the tool makes no clip of that duration, or a still is given one.
    """
    if type(images) is not int or not 1 <= images <= tool.images_max:
        raise BadImageCount(tool=tool.key, images=images, images_max=tool.images_max)
    if tool.unit is Unit.PER_IMAGE:
        if duration_s is not None:
            raise BadDuration(tool=tool.key, duration_s=duration_s, allowed=())
        return images * tool.credits
    if type(duration_s) is not int or duration_s not in tool.durations_s:
        raise BadDuration(tool=tool.key, duration_s=duration_s, allowed=tool.durations_s)
    return duration_s * tool.credits if tool.unit is Unit.PER_SECOND else tool.credits


def captured(
    *, tool: Tool, held: int, images_delivered: int = 0, measured_s: Fraction = Fraction(0)
) -> int:
    """Return the credits to capture for what was delivered; the rest of the hold is released.

    `measured_s` is the length of the stored clip, exact: its frames over its frame rate. A begun
    second counts in full, after the tolerance of a quarter of a second. A rate per video is
    captured whole, whatever the length.
    """
    assert held >= 0
    assert images_delivered >= 0
    assert measured_s >= 0
    if tool.unit is Unit.PER_IMAGE:
        due = images_delivered * tool.credits
    elif tool.unit is Unit.PER_SECOND:
        due = max(0, ceil(measured_s - TOLERANCE_S)) * tool.credits
    else:
        due = tool.credits
    return min(due, held)


def affordable(*, tool: Tool, available: int) -> Affordable:
    """Return what a balance buys, rounded down to whole jobs.

    Seconds are those of the shortest clips where seconds cost, of the longest where clips do.
    """
    assert available >= 0
    if tool.unit is Unit.PER_IMAGE:
        return Affordable(images=available // tool.credits, clips=0, seconds=0)
    is_by_second = tool.unit is Unit.PER_SECOND
    duration_s = min(tool.durations_s) if is_by_second else max(tool.durations_s)
    clips = available // price(tool=tool, duration_s=duration_s)
    return Affordable(images=0, clips=clips, seconds=clips * duration_s)


def picture_size(*, tool: Tool, ratio: str, resolution_px: int) -> Size:
    """Return the size of a tool's pictures; the longer side is rounded half up to an even number.

    :raises BadRatio: when the tool does not take the ratio.
    :raises BadResolution: when the tool does not take the resolution.
    """
    if ratio not in tool.ratios:
        raise BadRatio(tool=tool.key, ratio=ratio, allowed=tool.ratios)
    if resolution_px not in tool.resolutions_px:
        raise BadResolution(tool=tool.key, resolution_px=resolution_px, allowed=tool.resolutions_px)
    across, down = (int(part) for part in ratio.split(":"))
    long, short = max(across, down), min(across, down)
    longer = (resolution_px * long + short) // (2 * short) * 2
    if across >= down:
        return Size(width=longer, height=resolution_px)
    return Size(width=resolution_px, height=longer)


def purchase_price(*, version: Version, kind: str, amount: int) -> Money:
    """Return the price of an amount that the buyer chooses, rounded half up to a minor unit.

    :raises BadAmount: when `amount` is not a whole number in range.
    :raises NotForSale: when the version sells no free amounts of that kind.
    :raises PurchaseTooSmall: when the amount lies below the smallest purchase.
    """
    checked_amount(amount)
    offer = _free_amount(version, kind)
    if amount < version.purchase_credits_min:
        raise PurchaseTooSmall(amount=amount, smallest=version.purchase_credits_min)
    total = (amount * offer.price_per_1000.amount + 500) // 1_000
    return Money(amount=total, currency=offer.price_per_1000.currency)


def _free_amount(version: Version, kind: str) -> FreeAmount:
    """Return the offer of free amounts of a kind."""
    for offer in version.free_amounts:
        if offer.kind == kind:
            return offer
    raise NotForSale(kind=kind, allowed=tuple(offer.kind for offer in version.free_amounts))


def _either(choices: tuple[object, ...]) -> str:
    return " or ".join(str(choice) for choice in choices)
