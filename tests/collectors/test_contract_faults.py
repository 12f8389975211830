"""Over a real connection, every kind that is asked over HTTP: resets, floods, waits asked for, cancelled polls."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from collectors.base import Refused, Unreachable, Unreadable
from collectors.client import ClientPool
from collectors.registry import REGISTRY, build
from suanli.model.polled import PolledSite
from tests.collectors.cases import NOW, cases
from tests.collectors.raw_server import RawServer, hangs_up, never_ends, says_nothing, sends
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


@every_kind
async def test_a_connection_that_is_closed_at_once_is_no_figure(kind: str) -> None:
    pool = ClientPool(loopback)
    async with RawServer(hangs_up) as server:
        site = at(kind, server.url)
        with pytest.raises(Unreachable, match="closed before an answer"):
            await build(site, pool.site(site)).collect(NOW)
    await pool.aclose()


@every_kind
async def test_a_flood_is_cut_at_the_limit(kind: str) -> None:
    pool = ClientPool(loopback, max_body=200_000)
    async with RawServer(never_ends) as server:
        site = at(kind, server.url)
        with pytest.raises(Unreadable, match="larger than"):
            await build(site, pool.site(site)).collect(NOW)
        await server.until_open(0)
    await pool.aclose()


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
