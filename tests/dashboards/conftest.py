"""The world of the boards' tests, made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.dashboards.world import World, make_world
from tests.servers.prometheus import Prometheus, prometheus_server


@dataclass(frozen=True, slots=True)
class Seen:
    """The world, and the real Prometheus that holds its scrapes."""

    world: World
    prometheus: Prometheus


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("world"))
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def seen(world: World) -> Iterator[Seen]:
    with prometheus_server(history=world.file, within=60.0) as server:
        yield Seen(world, server)
