"""What the suite of all kinds shares: which kinds there are and how they are asked, and one poll of one of them.

A kind says how it is asked (`Settings.reached_by`): what mistreats a connection is for those that have one; what can go
wrong with a folder or a program stands in their own tests, and each group proves that it found its subjects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from collectors.base import Collector
from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.push.collector import PushCollector
from collectors.registry import NOT_ASKED, REGISTRY, build
from collectors.schedule import first_turn
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.pushed import Pushed
from suanli.model.sample import Sample
from tests.collectors.cases import ALL, HERE, NOW, Case, cases, collector_of
from tests.reaching import loopback

KINDS = sorted(REGISTRY)
ASKED = sorted(REGISTRY.keys() - NOT_ASKED)
SOURCES = HERE.parents[1] / "collectors"

HTTP_KINDS = [kind for kind in KINDS if REGISTRY[kind].Settings.reached_by == "http"]
LOCAL_KINDS = [kind for kind in ASKED if kind not in HTTP_KINDS]
every_http_kind = pytest.mark.parametrize("kind", HTTP_KINDS)
every_local_kind = pytest.mark.parametrize("kind", LOCAL_KINDS)
every_asked_kind = pytest.mark.parametrize("kind", ASKED)
every_kind = pytest.mark.parametrize("kind", KINDS)
SHAPES = [case for case in ALL if case.over_http]
SHAPES = [case for case in SHAPES if case.kind != "slurm" or case.folder.name.endswith(("22.05.8-v0.0.38", "v0.0.45"))]
"""Answers that differ in shape, for what is tried many times over."""


def golden(sample: Sample) -> dict[str, Any]:
    """As expected.json has it. The poller sets max_age; what was recorded of real products has nothing to refuse."""
    assert sample.refused == ()
    return sample.model_dump(exclude={"site", "max_age", "refused"})


async def heard(case: Case) -> list[Sample]:
    """What its source says: asked for, or brought in one body."""
    if case.kind in NOT_ASKED:
        return PushCollector(case.site).received(Pushed.model_validate(case.body), case.now)
    return await collector_of(case).collect(case.now)


@asynccontextmanager
async def door(site: PolledSite) -> AsyncIterator[tuple[PolledSite, Collector]]:
    pool = ClientPool(loopback)  # makes a TLS context, which takes longer than all the rest
    try:
        yield site, build(site, pool.site(site))
    finally:
        await pool.aclose()


async def asked_once(site: PolledSite, collector: Collector, now: int = NOW) -> tuple[PollOutcome, list[Sample]]:
    """How its poll at `now` ends, and what was appended."""
    appended: list[Sample] = []

    async def append(samples: list[Sample]) -> None:
        appended.extend(samples)

    poller = Poller(append, lambda _outcome: None, clock=lambda: float(now))
    return await poller.poll(first_turn(site, collector, 0.0)), appended


def at(kind: str, url: str, timeout: float) -> PolledSite:
    site = cases(kind)[0].site
    return replace(site, source=site.source.model_copy(update={"url": url}), timeout=timeout)
