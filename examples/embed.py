"""Credits in your own product: grant, hold, settle, refuse, explain.

Run it on any PostgreSQL from 15 on, in an empty database:

    DATABASE_URL=postgresql://… python examples/embed.py
"""

import asyncio
import os
import sys
from uuid import UUID

import mutoscope

STUDIO = UUID("3f0c5c0e-8f5b-4d0a-9f4e-2b1f6c1d7a10")


async def main() -> None:
    """Sell a pack, make a clip, and show that nobody overspends."""
    url = os.environ.get("DATABASE_URL")
    if url is None:
        sys.exit("Set DATABASE_URL to an empty PostgreSQL database and run this again.")
    async with mutoscope.Ledger(url) as ledger:
        await ledger.grant(STUDIO, "video", 60, key="order-17", source="pack")

        await ledger.hold(STUDIO, "video", 50, key="clip-1")
        settled = await ledger.settle(STUDIO, "video", 45, key="clip-1-done", hold="clip-1")
        print("charged 45, left", settled.entry.available)

        again = await ledger.settle(STUDIO, "video", 45, key="clip-1-done", hold="clip-1")
        print("the same call again: replay is", again.is_replay)

        try:
            await ledger.hold(STUDIO, "video", 50, key="clip-2")
        except mutoscope.InsufficientCredits as refusal:
            print(f"{refusal.code}: {refusal}")

        page = await ledger.history(STUDIO)
        for line in page.lines:
            print(line.entry.sequence, line.words, line.entry.available, sep=" | ")


if __name__ == "__main__":
    asyncio.run(main())
