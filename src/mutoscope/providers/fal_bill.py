"""What fal charges: its list beforehand, and afterwards the units that an answer counts."""

from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import ErrorCode
from mutoscope.providers.fal_models import App, Arguments
from mutoscope.providers.wire import Reply, refusal, status_code

UNIT_MICROS: Final = MappingProxyType({"/openai/gpt-image-2/": 1_000_000})
"""What a unit costs, by the root of an address, where the list alone is not exact."""


def listed(app: App, arguments: Arguments) -> int:
    """Return what an order costs by the list, in micros.

    :raises ProviderError: when a route's parameters are none that the list knows (`bad_input`).
    """
    try:
        return app.micros(arguments)
    except (KeyError, ValueError) as error:
        sentence = f"fal's list has no price for {error}: mend the parameters of the route."
        raise refusal(ErrorCode.BAD_INPUT, sentence) from error


def billed(reply: Reply, *, path: str, list_micros: int) -> int:
    """Return what an outcome was charged; a refusal costs only what it counts units for."""
    text = reply.headers.get("x-fal-billable-units", "")
    units = float(text) if text.replace(".", "", 1).isdecimal() else 0
    if not units:
        return list_micros if status_code(reply) is None else 0
    known = (micros for root, micros in UNIT_MICROS.items() if path.startswith(root))
    unit_micros = next(known, None)
    return list_micros if unit_micros is None else round(units * unit_micros)


def requests_of(name: str) -> str:
    """Return where an app's requests are asked about: under its owner and alias alone."""
    owner, alias, *_ = name.split("/")
    return f"/{owner}/{alias}/requests"


def noted(provider_job_id: str) -> tuple[int, str]:
    """Return the list price and the address of a request, both of which its id carries.

    :raises ProviderError: when it does not, and so is none of ours (`output_lost`).
    """
    micros, _, path = provider_job_id.partition("#")[2].partition(":")
    if not (path and micros.isdecimal()):
        sentence = "An id of fal's is REQUEST#MICROS:PATH here, such as 7b1e#49000:/fal-ai/kling."
        raise refusal(ErrorCode.OUTPUT_LOST, sentence)
    return int(micros), path
