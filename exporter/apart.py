"""A call in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")


async def apart(call: Callable[[], _T]) -> _T:
    """As `asyncio.to_thread`, but one that is given up ends with the process.

    The threads of the event loop are waited for at the process's end, as long as what they ask keeps silent.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def tell(what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else what())

    def run() -> None:
        try:
            value = call()
        except BaseException as error:  # whatever it is, who waits is to have it
            tell(partial(done.set_exception, error))
        else:
            tell(partial(done.set_result, value))

    threading.Thread(target=run, daemon=True).start()
    return await done
