"""Chance that repeats: every draw follows from a seed and a name.

Each part of a picture draws from a stream of its own name, so that adding one part to the
engine never moves another.
"""

import hashlib

import numpy as np

BITS = 63  # a seed stays an exact integer in every JSON reader that knows signed 64 bits


def seed_of(*, text: str) -> int:
    """Derive a seed from a text by SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> (64 - BITS)


def stream(*, seed: int, name: str) -> np.random.Generator:
    """Open the stream of draws that belongs to a name under a seed."""
    return np.random.default_rng(seed_of(text=f"{seed}|{name}"))


def happens(dice: np.random.Generator, chance: float) -> bool:
    """Draw whether something of a chance from 0 to 1 happens."""
    return bool(dice.random() < chance)
