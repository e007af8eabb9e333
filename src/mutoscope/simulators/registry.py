"""Every simulated provider, one line each; the last takes money instead of orders."""

from typing import Final

from mutoscope.simulators.bfl import BflSimulator
from mutoscope.simulators.dashscope import DashScopeSimulator
from mutoscope.simulators.fal import FalSimulator
from mutoscope.simulators.google import GoogleSimulator
from mutoscope.simulators.kling import KlingSimulator
from mutoscope.simulators.openai import OpenAISimulator
from mutoscope.simulators.pixverse import PixVerseSimulator
from mutoscope.simulators.runway import RunwaySimulator
from mutoscope.simulators.stripe import StripeSimulator
from mutoscope.simulators.vertex import VertexSimulator

SIMULATORS: Final = (
    RunwaySimulator,
    DashScopeSimulator,
    FalSimulator,
    GoogleSimulator,
    KlingSimulator,
    PixVerseSimulator,
    VertexSimulator,
    OpenAISimulator,
    BflSimulator,
    StripeSimulator,
)
