"""The contract of a sink, on one screen.

A sink writes one batch, at once, and owns no queue. The forwarder does the rest, and decides by the type of the error.

SinkError
├── Retry(after)            the sink is down or busy: the cursor stays, the same points go again later
│   ├── Shut                it does not let us in, or what we write to is not there: a person must act
│   └── Broken              the sink broke over this batch, or is broken: the forwarder finds out which
└── Rejected(which, why)    the sink will never take something in this batch: it is found, quarantined, passed over
"""

from __future__ import annotations

from typing import Protocol

from suanli.store.sql import Batch


class SinkError(Exception):
    """A batch that was not taken; the text is the sink's own words and never holds a secret."""


class Retry(SinkError):
    """Try again, after `after` seconds where the sink said so."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Shut(Retry):
    """401, 403, 404: the sink is paused, and tried again every minute until it lets us in."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 60.0)


class Broken(Retry):
    """5xx, or it hung up: it is down, or there is a point in this batch that it cannot digest."""


class Rejected(SinkError):
    """Some point in the batch is refused for good."""


class Sink(Protocol):
    """Where points go. `write` is called from a thread of its own, one call at a time."""

    name: str

    def write(self, batch: Batch) -> None:
        """All of the batch is in the sink when this returns; a repeated point is the same point."""
        ...

    def line(self, batch: Batch) -> str:
        """The batch as the sink would get it, to be kept in quarantine."""
        ...

    def close(self) -> None: ...
