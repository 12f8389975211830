"""The real servers as fixtures, registered as a plugin by tests/conftest.py.

Shared by all tests, each in a bucket of its own: ``influxdb``. New for every test, as they start in under half a
second: ``victoriametrics``, ``slurm``. For all tests of a module, which must leave it as it was: ``shared_slurm``,
``kubernetes``, ``openstack``.
To be called with what the test needs: ``start_slurm``, ``start_prometheus``, ``start_victoriametrics``,
``start_influxdb``, ``start_alertmanager``; what they start ends with the test. ``shared_postgresql`` is one server in
haste for the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.servers.alertmanager import Alertmanager, alertmanager_server
from tests.servers.influxdb import InfluxDB, influxdb_server
from tests.servers.kubernetes import Kubernetes, kubernetes_server
from tests.servers.missing import MISSING, REQUIRED
from tests.servers.openstack import OpenStack, openstack_cloud
from tests.servers.postgresql import IN_HASTE, PostgreSQL, postgresql_server
from tests.servers.prometheus import Prometheus, prometheus_server
from tests.servers.slurm import Slurm, slurm_cluster
from tests.servers.victoriametrics import VictoriaMetrics, victoriametrics_server

SERVER_FIXTURES = frozenset(
    {
        "influxdb",
        "kubernetes",
        "openstack",
        "start_alertmanager",
        "shared_influxdb",
        "shared_postgresql",
        "shared_slurm",
        "slurm",
        "start_influxdb",
        "start_prometheus",
        "start_slurm",
        "start_victoriametrics",
        "victoriametrics",
    }
)


@pytest.fixture
def start_slurm() -> Iterator[Callable[..., Slurm]]:
    """Starts clusters: takes what ``slurm_cluster`` takes."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(slurm_cluster(**options))


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    """A cluster of the test's own: 20 idle nodes of 8 devices, which notices death and silence quickly."""
    with slurm_cluster(slurmd_timeout=5, message_timeout=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def shared_slurm() -> Iterator[Slurm]:
    """A cluster of 20 idle nodes of 8 devices and 3 that are off, for tests that only look at it."""
    with slurm_cluster(off=3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    """An API server for all tests of a module; each adds what it needs under names of its own."""
    with kubernetes_server() as server:
        yield server


@pytest.fixture(scope="module")
def openstack() -> Iterator[OpenStack]:
    """A cloud for all tests of a module."""
    with openstack_cloud() as cloud:
        yield cloud


@pytest.fixture
def start_prometheus() -> Iterator[Callable[..., Prometheus]]:
    """Starts Prometheus: takes what ``prometheus_server`` takes."""
    with ExitStack() as stack:
        yield lambda *scrapes, **options: stack.enter_context(prometheus_server(*scrapes, **options))


@pytest.fixture
def start_alertmanager() -> Iterator[Callable[..., Alertmanager]]:
    """Starts Alertmanagers: takes what ``alertmanager_server`` takes."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(alertmanager_server(*args, **options))


@pytest.fixture
def start_victoriametrics() -> Iterator[Callable[..., VictoriaMetrics]]:
    """Starts VictoriaMetrics: takes what ``victoriametrics_server`` takes."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(victoriametrics_server(**options))


@pytest.fixture
def victoriametrics() -> Iterator[VictoriaMetrics]:
    """An empty VictoriaMetrics of the test's own."""
    with victoriametrics_server() as server:
        yield server


@pytest.fixture
def start_influxdb() -> Iterator[Callable[..., InfluxDB]]:
    """Starts an InfluxDB of the test's own, to be killed or frozen: takes what ``influxdb_server`` takes."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(influxdb_server(**options))


@pytest.fixture(scope="session")
def shared_influxdb() -> Iterator[InfluxDB]:
    """The InfluxDB that all tests share; they take ``influxdb`` instead."""
    with influxdb_server() as server:
        yield server


@pytest.fixture
def influxdb(shared_influxdb: InfluxDB) -> Iterator[InfluxDB]:
    """An empty bucket in the shared InfluxDB."""
    bucket = shared_influxdb.new_bucket()
    yield bucket
    bucket.drop()


@pytest.fixture(scope="session")
def shared_postgresql() -> Iterator[PostgreSQL]:
    """The PostgreSQL that all tests share, each with databases of its own; it does not wait for its disk."""
    with postgresql_server(*IN_HASTE) as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that takes one of these fixtures with ``server``, so that ``-m "not server"`` works."""
    for item in items:
        if SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the process that prints the summary what it missed."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["missing"] = MISSING


def pytest_testnodedown(node: Any) -> None:
    """What a worker missed, where the summary is printed; a worker that died has told nothing."""
    MISSING.update(getattr(node, "workeroutput", {}).get("missing", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names the servers that tests asked for and did not get."""
    if not MISSING:
        return
    terminalreporter.section(f"servers missing (with {REQUIRED}=1 this is a failure)", sep="-")
    for program, how in sorted(MISSING.items()):
        terminalreporter.line(f"{program}: {how}")
