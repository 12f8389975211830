"""Everything that reads what others wrote: what it reads when all is well, and how it says that something is not."""

from __future__ import annotations

import asyncio
import io
import math
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import orjson

from collectors.answers import Answer
from collectors.base import CollectError, Unreadable
from collectors.exec.parse import parse as of_a_program
from collectors.file.parse import parse as of_a_table
from collectors.schedule import first_turn, stamped
from collectors.tables import COLUMNS
from suanli.catalog.accelerators import load_accelerators
from suanli.config import load_config
from suanli.model.errors import InputError
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.sample import Sample
from suanli.registry.file import read_sites
from suanli.tables.files import read_rows
from suanli.tables.rows import Columns, Problems
from tests.collectors.cases import ALL, NOW, Case, cases, collector_of, name_of

ZONE = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).parents[2]
SHEET = "xl/worksheets/sheet1.xml"
_COLUMNS = Columns(("at",), COLUMNS)
_LINES = [b'{"pool": "h100", "online_pflops": 5.5, "used_pflops": 3}\n{"pool": "secret", "online_devices": 8}']
_CSV = "site,pool,at,online_pflops,used_pflops,reason\na,p,2026-10-01T00:00:00+08:00,100,59.8,手工\n".encode()


@dataclass(frozen=True, slots=True)
class Reader:
    """seeds: what it reads when all is well. read: may raise `says`, and nothing else, whatever it is given."""

    name: str
    seeds: list[bytes]
    read: Callable[[bytes], object]
    says: tuple[type[Exception], ...] = (InputError,)


def readers() -> list[Reader]:
    sites, settings = (ROOT / "docs/examples/sites.yaml").read_bytes(), (ROOT / "config.yaml").read_bytes()
    tables = [file.read_bytes() for case in cases("file") for file in sorted((case.folder / "dropped").iterdir())]
    book = next(data for data in tables if data.startswith(b"PK"))
    return [
        Reader("sites.yaml", [sites], partial(_written, ".yaml", _registry)),
        Reader("config.yaml", [settings], partial(_written, ".yaml", load_config)),
        Reader("history", [_CSV, *_LINES, *tables], partial(_written, ".csv", _history)),
        Reader("dropped table", tables, _table, (Unreadable,)),
        Reader("dropped workbook", [_inside(book)], lambda sheet: _table(_with(book, sheet)), (Unreadable,)),
        Reader("program", _LINES, _program, (Unreadable,)),
        *(
            Reader(name_of(case), [_raw(case.body)], partial(_answer, case), (CollectError,))
            for case in ALL
            if case.over_http
        ),
    ]


def _written(suffix: str, read: Callable[[Path], object], data: bytes) -> object:
    with tempfile.NamedTemporaryFile(suffix=suffix, dir="/dev/shm") as file:
        file.write(data)
        file.flush()
        return read(Path(file.name))


def _registry(file: Path) -> object:
    return read_sites([file], ZONE, load_accelerators())


def _history(file: Path) -> object:
    return list(read_rows(file, Problems()))


def _table(data: bytes) -> object:
    return sane(of_a_table("table", data, replace(cases("file")[0].site, zone=ZONE), NOW, _COLUMNS).samples)


def _program(data: bytes) -> object:
    return sane(of_a_program(data, replace(cases("exec")[0].site, zone=ZONE), NOW, "program"))


def _answer(case: Case, data: bytes) -> object:
    """The whole poll of this case, its first answer replaced."""
    answer = Answer(200, httpx.Headers({"content-type": "application/json"}), data)
    turn = first_turn(case.site, collector_of(case, case.http({0: answer})), 0.0)
    return sane(stamped(turn, asyncio.run(turn.collector.collect(case.now)), case.now))


def _raw(body: object) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)


def _inside(book: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return archive.read(SHEET)


def _with(book: bytes, sheet: bytes) -> bytes:
    """This workbook with another sheet in it."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as archive, zipfile.ZipFile(made, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, sheet if name == SHEET else archive.read(name))
    return made.getvalue()


def sane(samples: Iterable[Sample]) -> int:
    """How many: of each, figures that a centre could have, and a reason that fits on a line."""
    count = 0
    for count, sample in enumerate(samples, 1):  # noqa: B007 - the last count is what is wanted
        figures = [getattr(sample, rung.field) for rung in SAMPLE_RUNGS]
        figures += [sample.online_devices, sample.used_devices]
        assert all(value is None or (math.isfinite(value) and value >= 0) for value in figures)
        assert sample.at >= 0
        assert len(sample.reason) < 2000
    return count
