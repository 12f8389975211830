"""For suites of the store: `both_databases` runs every test of a module on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.servers.postgresql import PostgreSQL
from tests.suanli.engines import OnPostgreSQL, chosen, on

PARAMETERS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]

FEW = 6
"""Examples of a law on PostgreSQL, where a database costs ten times as much: SQLite has seen the many."""
_SETTINGS = "_hypothesis_internal_use_settings"


@pytest.fixture(scope="session")
def on_postgresql(shared_postgresql: PostgreSQL) -> OnPostgreSQL:
    """Databases on the server that all tests share."""
    return OnPostgreSQL(shared_postgresql)


@pytest.fixture(scope="module", params=PARAMETERS)
def both_databases(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the kind of database in which the stores of this module's tests lie."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    with on(request.getfixturevalue("on_postgresql")):
        yield "postgresql"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """A law that runs on both has one number of examples in its source; here it is less on PostgreSQL."""
    law = getattr(item, "obj", None)
    before = getattr(law, _SETTINGS, None)
    if before is None or chosen() is None:
        return (yield)
    setattr(law, _SETTINGS, settings(before, max_examples=min(FEW, before.max_examples)))
    try:
        return (yield)
    finally:
        setattr(law, _SETTINGS, before)
