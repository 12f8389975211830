"""Many questions, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def several(questions: Iterable[Callable[[], Awaitable[T]]], at_once: int) -> list[T]:
    """Their answers, in order. The first that fails ends all of them, and its error is the error."""
    gate = asyncio.Semaphore(at_once)

    async def asked(question: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await question()

    # No TaskGroup: in early 3.11 what is raised in an `except*` comes out as a group again, which nobody expects.
    tasks = [asyncio.create_task(asked(question)) for question in questions]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _ended(tasks)


async def _ended(tasks: list[asyncio.Task[T]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
