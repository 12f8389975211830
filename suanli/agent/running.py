"""The agent: the poller, a queue on disk, and the forwarder. Each is the server's own; here they are only joined."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.registry import build
from collectors.schedule import first_turn
from exporter.base import Retry
from exporter.forwarder import Forwarder
from exporter.push import PushSink
from suanli.agent.config import AgentConfig
from suanli.agent.queue import Queue
from suanli.model.polled import PollOutcome
from suanli.model.sample import Sample
from suanli.store.group import GroupCommit

_log = logging.getLogger("suanli.agent")


@dataclass(frozen=True, slots=True)
class Pushed:
    """One turn. waiting: samples that the server has not got; refused: those it ever refused; why: what keeps it."""

    outcome: PollOutcome
    sent: int = 0
    refused: int = 0
    waiting: int = 0
    why: str = ""


async def run(config: AgentConfig) -> None:
    """Ask and push until SIGTERM or SIGINT; then what is queued goes out once more, if the server is there."""
    with closing(Queue(config.queue)) as queue:
        pool, commit = ClientPool(config.reach.of), GroupCommit(queue.append)
        poller, forwarder = Poller(commit.append, _telling()), Forwarder(queue, _sink(config))
        poller.plan([(config.polled, build(config.polled, pool.site(config.polled)))])
        asking, sending = asyncio.create_task(poller.run()), asyncio.create_task(forwarder.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, poller.stop)
        await asyncio.wait({asking, sending}, return_when=asyncio.FIRST_COMPLETED)
        poller.stop()
        await asking
        await commit.close()
        forwarder.stop()
        await sending
        await pool.aclose()


async def once(config: AgentConfig, *, dry_run: bool) -> Pushed:
    """One poll, queued, and all that is queued sent. dry_run: only the poll, and nothing is kept."""
    if dry_run:
        return Pushed(await _poll(config, _nowhere))
    with closing(Queue(config.queue)) as queue:
        commit = GroupCommit(queue.append)
        outcome = await _poll(config, commit.append)
        await commit.close()
        return await asyncio.to_thread(_sent, queue, _sink(config), outcome)


def _sent(queue: Queue, sink: PushSink, outcome: PollOutcome) -> Pushed:
    forwarder, before, why = Forwarder(queue, sink), queue.counted(), ""
    try:
        while forwarder.forward():
            continue
    except Retry as error:
        why = str(error)
    waiting, refused = queue.counted()
    sink.close()
    sent = before[0] - waiting - (refused - before[1])
    return Pushed(outcome, sent, refused - before[1], waiting, why)


async def _poll(config: AgentConfig, append: Any) -> PollOutcome:
    pool = ClientPool(config.reach.of)
    try:
        turn = first_turn(config.polled, build(config.polled, pool.site(config.polled)), time.monotonic())
        return await Poller(append, lambda _outcome: None).poll(turn)
    finally:
        await pool.aclose()


async def _nowhere(_samples: list[Sample]) -> None:
    """What is only looked at is not kept."""


def _sink(config: AgentConfig) -> PushSink:
    return PushSink(config.server, config.site.id, config.token, config.tls)


def _telling() -> Any:
    """Tells of a poll that ends in another way than the one before."""
    last = ["ok"]

    def told(outcome: PollOutcome) -> None:
        if outcome.result != last[0]:
            last[0] = outcome.result
            _log.warning("%s: %s: %s", outcome.site, outcome.result, outcome.reason or "it answers again")

    return told
