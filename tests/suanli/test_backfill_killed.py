"""kill -9 in the middle of `suanli backfill`, again and again: in the end the record is that of an undisturbed run.

It is killed while it waits for an answer, and while it records one. What was recorded before it died is there, and
what was not is asked for again.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from sqlalchemy import select

from suanli.store import schema
from tests.exporter_double import serving
from tests.reaching import LOOPBACK
from tests.suanli.making import SITES_YAML, open_store
from tests.suanli.running import begun, suanli

MINUTES, KILLS = 480, 3
SPAN = ("--from", "2025-03-01T00:00:00Z", "--to", "2025-03-01T08:00:00Z")
BACKFILL = ("--lang", "en", "--quiet", "backfill", "wh-1", *SPAN, "--chunk", "6m", "--json")
QUERIES = {"online": "up", "used": "busy"}
PEAK = 0.312  # of an A100
Row = tuple[Any, ...]


def devices(query: str, moment: int) -> int | None:
    """What the source knows of a moment; of every seventh hour or so nothing."""
    minute = moment // 60
    return None if minute // 61 % 7 == 3 else 20 + minute % 37 if query == QUERIES["online"] else minute % 19


class Source:
    """A Prometheus, as far as it answers about ranges. on_request: hears the number of each before it is answered."""

    def __init__(self) -> None:
        self.asked: list[range] = []
        self._counting = threading.Lock()
        self.on_request: Callable[[int], None] = lambda _number: None

    def answer(self, path: str) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        moments = range(int(asked["start"]), int(asked["end"]) + 1, int(asked["step"]))
        with self._counting:  # both rungs are asked for at the same time
            self.asked.append(moments)
            number = len(self.asked)
        self.on_request(number)
        told = ((moment, devices(asked["query"], moment)) for moment in moments)
        values = [[moment, str(count)] for moment, count in told if count is not None]
        result = [{"metric": {"pool": "a100"}, "values": values}] if values else []
        return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


@pytest.fixture
def source() -> Iterator[tuple[Source, str]]:
    made = Source()
    with serving(made.answer) as address:
        yield made, address


def registered(folder: Path, address: str) -> None:
    folder.mkdir()
    sites = yaml.safe_load(SITES_YAML)
    settings = {"queries": QUERIES, "pool_label": "pool"}
    sites["sites"][0]["source"] = {"kind": "prometheus", "url": f"http://{address}", "settings": settings}
    (folder / "sites.yaml").write_text(yaml.safe_dump(sites, allow_unicode=True), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump({"reach": LOOPBACK}), encoding="utf-8")
    assert suanli(folder, "apply", "sites.yaml").code == 0


def rows(folder: Path, table: Any = schema.samples) -> list[Row]:
    """What is on record, but for when it was recorded; of samples the moment first."""
    columns = [column for column in table.c if column.name != "record_lag"]
    return read(folder, select(*columns).order_by(table.c.at))


def read(folder: Path, query: Any) -> list[Row]:
    with closing(open_store(f"sqlite:///{folder}/suanli.db")) as store, store.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def killed(folder: Path, source: Source, chance: random.Random, *, recording: bool) -> None:
    """Begin it, and kill it when it has asked a few times: before it is answered, or shortly after."""
    last = len(source.asked) + chance.randrange(10, 40)
    held, process = threading.Event(), begun(folder, *BACKFILL)

    def kill(number: int) -> None:
        if number == last and recording:
            threading.Timer(chance.uniform(0, 0.03), process.kill).start()
        elif number == last:
            process.kill()
            held.wait(10)

    source.on_request = kill
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    finally:
        held.set()
        source.on_request = lambda _number: None
    assert (process.returncode, out) == (-signal.SIGKILL, ""), err


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_if_it_had_never_been(tmp_path: Path, source: tuple[Source, str]) -> None:
    told, address = source
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    for folder in (calm, rough):
        registered(folder, address)
    whole = suanli(calm, *BACKFILL)
    expected, moments = rows(calm), {moment for part in told.asked for moment in part}
    assert (whole.code, whole.data["moments"], len(moments)) == (0, MINUTES, MINUTES), whole.err
    assert_told(calm, moments)

    chance, known = random.Random(11), list[Row]()  # noqa: S311 - when to kill
    for kill in range(KILLS):
        killed(rough, told, chance, recording=bool(kill % 2))
        kept, reached = rows(rough), told.asked[-1][0]  # the one before is recorded before the next is asked for
        assert set(known) <= set(kept) < set(expected)  # hours of which nothing is told are asked for again
        assert set(kept) >= {row for row in expected if row[0] + 60 <= reached}
        known = kept

    rest = suanli(rough, *BACKFILL)
    assert (rest.code, rest.data["samples"], rest.data["held"]) == (0, len(expected) - len(known), 0), rest.err
    assert len(known) > 20
    assert rows(rough) == expected
    assert rows(rough, schema.replaced) == []
    for command in (("rates", *SPAN, "--json"), ("quarantine", "list", "--json")):
        assert suanli(rough, *command).data == suanli(calm, *command).data
    noted = suanli(rough, "audit", "--json").data["audit"]
    assert [row["subject"] for row in noted if row["action"] == "samples.backfill"] == ["wh-1"]


def assert_told(folder: Path, moments: set[int]) -> None:
    """Each moment of which the source knows something is there once, with its figures."""
    table = schema.samples.c
    found = read(folder, select(table.at, table.online_pflops, table.used_pflops).order_by(table.at))
    known = [(moment // 60 * 60, *(devices(query, moment) for query in QUERIES.values())) for moment in sorted(moments)]
    counts = [(at, online * PEAK, used * PEAK) for at, online, used in known if online is not None and used is not None]
    assert found == [pytest.approx(one) for one in counts]
