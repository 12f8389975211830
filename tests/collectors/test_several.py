"""Many questions, a few at once: in order, no more than that, and nothing goes on once one has failed."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from collectors.base import Refused
from collectors.several import several


async def test_answers_come_in_the_order_of_the_questions_and_a_few_are_asked_at_once() -> None:
    open_, most = 0, 0

    async def ask(number: int) -> int:
        nonlocal open_, most
        open_ += 1
        most = max(most, open_)
        for _ in range(20 - number):
            await asyncio.sleep(0)
        open_ -= 1
        return number

    assert await several([partial(ask, number) for number in range(20)], 3) == list(range(20))
    assert most == 3
    assert await several([partial(ask, 0)][:0], 3) == []


async def test_one_that_fails_ends_the_others_and_its_error_is_the_error() -> None:
    before, begun, ended = asyncio.all_tasks(), 0, 0

    async def waits() -> None:
        nonlocal begun, ended
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1

    async def fails() -> None:
        await asyncio.sleep(0)
        raise Refused("no")

    with pytest.raises(Refused, match=r"^no$"):
        await several([waits, fails, waits], 2)
    assert 1 <= begun == ended <= 2
    assert asyncio.all_tasks() == before


async def test_a_cancelled_poll_leaves_no_question() -> None:
    before = asyncio.all_tasks()
    poll = asyncio.create_task(several([asyncio.Event().wait, asyncio.Event().wait], 2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    assert asyncio.all_tasks() == before
