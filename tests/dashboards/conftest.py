"""The world of the boards' tests, made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.dashboards.world import World, make_world
from tests.servers.prometheus import Prometheus, prometheus_server


@dataclass(frozen=True, slots=True)
class Seen:
    """The world, and the real Prometheus that holds its scrapes."""

    world: World
    prometheus: Prometheus


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """In memory where the system has such a folder: thousands of commits need not wait for a disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="suanli-world-", dir=memory if memory.is_dir() else None) as folder:
        made = make_world(Path(folder))
        yield made
        made.store.close()


@pytest.fixture(scope="session")
def seen(world: World) -> Iterator[Seen]:
    with prometheus_server(history=world.file, within=60.0) as server:
        yield Seen(world, server)
