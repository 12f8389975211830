"""Which requests with a key are being answered now, in this process; another one waits for the store's own lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from suanli.model.errors import StillUnderWay
from suanli.model.message import Message
from suanli.store.once import Once


class UnderWay:
    """May be asked from any thread."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def alone(self, once: Once | None) -> Iterator[None]:
        """Until the block ends, however it ends, a second one with this key is StillUnderWay. None: without a key."""
        if once is None:
            yield
            return
        key = (once.token, once.key)
        with self._lock:
            if key in self._keys:
                raise StillUnderWay(
                    Message("a request with this Idempotency-Key is still under way: send it again in a moment")
                )
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)
