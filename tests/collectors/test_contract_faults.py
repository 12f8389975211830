"""Over a real connection, every kind that is asked over HTTP: resets, floods, waits asked for, cancelled polls."""

from __future__ import annotations

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from collectors.base import Refused, Unreadable
from collectors.client import MAX_BODY, ClientPool
from collectors.registry import REGISTRY, build
from suanli.model.polled import PolledSite, PollOutcome
from tests.collectors.cases import NOW, cases
from tests.collectors.contract import asked_once
from tests.collectors.raw_server import (
    Answer,
    Flood,
    RawServer,
    drips,
    hangs_up,
    never_ends,
    resets,
    resets_in_the_body,
    says_nothing,
    sends,
)
from tests.reaching import loopback

HTTP_KINDS = [kind for kind in sorted(REGISTRY) if REGISTRY[kind].Settings.reached_by == "http"]
every_kind = pytest.mark.parametrize("kind", HTTP_KINDS)


def test_the_suite_found_every_kind_that_is_asked_over_http() -> None:
    assert len(HTTP_KINDS) >= 10


def at(kind: str, url: str) -> PolledSite:
    site = cases(kind)[-1].site  # asks by GET: the raw server reads no body
    return replace(site, source=site.source.model_copy(update={"url": url}))


@every_kind
async def test_how_long_to_wait_is_passed_on(kind: str) -> None:
    pool = ClientPool(loopback)
    async with RawServer(sends(b"{}", "429 Too Many Requests", Retry_After="77")) as server:
        site = at(kind, server.url)
        with pytest.raises(Refused) as caught:
            await build(site, pool.site(site)).collect(NOW)
    await pool.aclose()

    assert caught.value.retry_after == 77


@asynccontextmanager
async def asked(
    kind: str, answer: Answer, patience: float = 5.0, max_body: int = MAX_BODY
) -> AsyncIterator[PollOutcome]:
    """How a poll of a server that answers so ends; afterwards nobody holds a connection to it."""
    pool = ClientPool(loopback, max_body=max_body)
    async with RawServer(answer) as server:
        site = replace(at(kind, server.url), timeout=patience)
        outcome, appended = await asked_once(site, build(site, pool.site(site)))
        assert appended == []
        await server.until_open(0)
        yield outcome
    await pool.aclose()


@every_kind
@pytest.mark.parametrize("answer", [hangs_up, resets], ids=["closed", "reset"])
async def test_a_connection_that_ends_before_an_answer_is_no_figure(kind: str, answer: Answer) -> None:
    async with asked(kind, answer) as outcome:
        assert outcome.result == "unreachable"
        assert "closed before an answer" in outcome.reason or "reset by peer" in outcome.reason


@every_kind
async def test_a_reset_in_the_midst_of_a_body_is_no_figure(kind: str) -> None:
    async with asked(kind, resets_in_the_body) as outcome:
        assert outcome.result == "unreadable"
        assert "the answer was cut off" in outcome.reason


@every_kind
async def test_an_answer_that_comes_drop_by_drop_ends_with_the_patience_for_it(kind: str) -> None:
    async with asked(kind, drips, patience=0.1) as outcome:
        assert outcome.result == "unreachable"
        assert re.search(r"no complete answer within 0\.\d+ s$", outcome.reason), "also where a BMC has less of it"


_OFFERED = 100 << 20


@every_kind
async def test_a_hundred_megabytes_are_cut_at_the_limit_and_never_held(kind: str) -> None:
    """Some kinds ask several questions at once, each of which has the limit to itself."""
    flood = Flood(_OFFERED)
    tracemalloc.start()
    try:
        async with asked(kind, flood, max_body=1 << 20) as outcome:
            _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert outcome.result == "unreadable"
    assert "the answer is larger than 1 MiB" in outcome.reason
    assert most < 16 << 20
    assert flood.sent < _OFFERED // 2, "the server was left alone early"


async def test_the_limit_that_everybody_has_is_a_third_of_that() -> None:
    flood = Flood(_OFFERED)
    async with asked("slurm", flood) as outcome:
        assert "the answer is larger than 32 MiB" in outcome.reason
    assert MAX_BODY <= flood.sent < _OFFERED


@every_kind
async def test_a_flood_without_an_end_is_cut_too(kind: str) -> None:
    async with asked(kind, never_ends, max_body=200_000) as outcome:
        assert outcome.result == "unreadable"
        assert "larger than" in outcome.reason


@every_kind
async def test_a_page_for_people_is_no_figure_whatever_it_is_called(kind: str) -> None:
    pool = ClientPool(loopback)
    async with RawServer(sends(b"<html><body>Sign in</body></html>", Content_Type="text/html")) as server:
        site = at(kind, server.url)
        with pytest.raises(Unreadable):
            await build(site, pool.site(site)).collect(NOW)
    await pool.aclose()


@every_kind
async def test_a_cancelled_poll_leaves_no_task_and_no_connection(kind: str) -> None:
    pool = ClientPool(loopback)
    async with RawServer(says_nothing) as server:
        site = at(kind, server.url)
        before = asyncio.all_tasks()
        poll = asyncio.create_task(build(site, pool.site(site)).collect(NOW))
        await server.until_asked()
        own = {one for one in asyncio.all_tasks() - before if "RawServer" not in repr(one)}
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        await server.until_open(0)
        _, left = await asyncio.wait(own, timeout=10)  # a look-up of a name ends a little later
        assert not left
    await pool.aclose()
