"""What came of one try to deliver a message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """words: why it was not. after: seconds that the channel asked us to wait. refused: this message, as it is."""

    delivered: bool
    words: str = ""
    after: float | None = None
    refused: bool = False
