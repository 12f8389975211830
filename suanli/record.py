"""Opening the record as the configuration says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from suanli.config import Config
from suanli.store.sql import Store


@contextmanager
def opened_store(config: Config, clock: Callable[[], float] = time.time) -> Iterator[Store]:
    """The store of this configuration, closed at the end."""
    store = Store(config.store.url, clock, password=config.store.password, min_free=config.store.min_free)
    try:
        yield store
    finally:
        store.close()
