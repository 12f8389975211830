"""Why devices that are there are not online: the same words in every source, and in the reader's language."""

from __future__ import annotations

from collections import defaultdict

from suanli.model.message import Message

CORDONED = Message("cordoned")
CRITICAL = Message("critical health")
DISABLED = Message("disabled")
FROZEN = Message("frozen")
KEPT_OUT = Message("kept out of scheduling")
MAINTENANCE = Message("under maintenance, with a fault, or retired")
NOT_READY = Message("not ready")
POWERED_OFF = Message("powered off")

LeftOut = defaultdict[tuple[str, str], float]
"""Devices by pool and reason."""


def in_its_words(state: str) -> str:
    """A source's own word for a state that is not online; one that is empty must not pass for none."""
    return state.strip()[:60] or NOT_READY


def told(left_out: LeftOut, pool: str) -> list[Message]:
    """What is left out of this pool, the most first."""
    own = sorted(((count, why) for (one, why), count in left_out.items() if one == pool and count), reverse=True)
    return [Message("{devices} devices: {why}", devices=f"{count:g}", why=why) for count, why in own]
