"""Many questions, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from collectors.base import CollectError

T = TypeVar("T")


async def several(questions: Iterable[Callable[[], Awaitable[T]]], at_once: int) -> list[T]:
    """Their answers, in order. The first that fails ends all of them, and its error is the error."""
    gate = asyncio.Semaphore(at_once)

    async def asked(question: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await question()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asked(question)) for question in questions]
    except* CollectError as found:
        raise _first(found) from None
    return [task.result() for task in tasks]


def _first(found: BaseExceptionGroup[CollectError]) -> CollectError:
    first = found.exceptions[0]
    return first if isinstance(first, CollectError) else _first(first)
