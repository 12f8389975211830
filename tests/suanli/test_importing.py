"""History from files: what a row means, what is told of a wrong one, and that it is all or nothing."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from suanli.catalog.accelerators import load_accelerators
from suanli.cli.importing import import_history
from suanli.cli.main import global_options
from suanli.importing import samples as importing
from suanli.importing.samples import read_samples
from suanli.model.errors import InputError
from suanli.model.sample import Sample
from suanli.store.sql import Store
from suanli.tables.cells import filled, parsers
from suanli.tables.rows import COLUMNS
from tests.suanli.making import MAX_AGE, SITES_YAML, T0, ZONE, a_pool, a_site, a_store, built, open_store
from tests.suanli.running import Ended, suanli

_app = typer.Typer()
_app.callback()(global_options)
_app.command("import")(import_history)

PEAK = 0.312  # of one A100, dense FP16, in PFLOPS
SECRET = a_pool("secret", model="biren-br106")
HEADER = "site,pool,at,online_pflops"


def suanli_import(folder: Path, *words: str, quiet: bool = False) -> Ended:
    """Run `suanli import` in this folder."""
    with patch("suanli.cli.main.app", _app):
        return suanli(folder, *["--quiet"] * quiet, "import", *words)


Read = Callable[..., list[Sample]]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Site s with pools p (A100) and secret (no published peak), and site t with pool p; nothing is recorded in it."""
    pools = [a_pool("p", built(100.0)), SECRET]
    with a_store(a_site("s", *pools), a_site("t")) as opened:
        yield opened


@pytest.fixture
def read(store: Store, tmp_path: Path) -> Read:
    """Reads the text of files; max_age of site s is 180 s, of t 181 s."""

    def reading(*texts: str | bytes, zone: ZoneInfo = ZONE, **more: Any) -> list[Sample]:
        paths = []
        for number, text in enumerate(texts, 1):
            paths.append(tmp_path / f"f{number}")
            paths[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
        ages = {"s": MAX_AGE, "t": MAX_AGE + 1}
        catalogue = load_accelerators()
        return read_samples(paths, store.registry, catalogue, zone, T0, lambda site: ages[site.id], **more)

    return reading


@pytest.fixture
def problems(read: Read, tmp_path: Path) -> Callable[..., list[str]]:
    """What is told of these files, without their folder."""

    def told(*texts: str | bytes, **more: Any) -> list[str]:
        with pytest.raises(InputError) as caught:
            read(*texts, **more)
        return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return told


def rows(*lines: str, header: str = HEADER) -> str:
    return "\n".join([header, *lines, ""])


# ---------------------------------------------------------------- what a row means


def test_a_row_is_a_sample_of_its_own_time(read: Read) -> None:
    header = "site,pool,at,online_pflops,used_pflops,busy_pflops,max_age,quality,reason"
    assert read(rows("s,p,1700000000,80,40.5,0,1h,estimated,from the log", header=header)) == [
        Sample(
            site="s",
            pool="p",
            at=1_700_000_000,
            source_at=1_700_000_000,
            fetched_at=1_700_000_000,
            max_age=3600,
            online_pflops=80.0,
            used_pflops=40.5,
            busy_pflops=0.0,
            quality="estimated",
            reason="from the log",
        )
    ]


def test_what_is_left_out_is_unknown_and_declared_and_holds_as_long_as_its_site_says(read: Read) -> None:
    header = "site,pool,at,online_pflops,used_pflops,max_age,quality,reason"
    for sample in read(rows("s,p,1700000000,,40,,,", "t,p,1700000000,,40,,,", header=header)):
        assert (sample.online_pflops, sample.used_pflops, sample.busy_pflops) == (None, 40.0, None)
        assert (sample.quality, sample.reason) == ("declared", "")
        assert sample.max_age == {"s": MAX_AGE, "t": MAX_AGE + 1}[sample.site]


def test_devices_become_pflops_by_the_published_peak(read: Read) -> None:
    header = "site,pool,at,online_devices,used_devices,busy_devices"
    (sample,) = read(rows("s,p,1700000000,8,2.5,0.25", header=header))
    assert (sample.online_devices, sample.used_devices) == (8.0, 2.5)
    assert (sample.online_pflops, sample.used_pflops, sample.busy_pflops) == (8 * PEAK, 2.5 * PEAK, 0.25 * PEAK)
    assert sample.quality == "declared"


def test_given_pflops_are_taken_before_devices(read: Read) -> None:
    header = "site,pool,at,online_pflops,online_devices,used_pflops,used_devices"
    (sample,) = read(rows("s,p,1700000000,2,8,,8", header=header))
    assert (sample.online_pflops, sample.online_devices, sample.used_pflops) == (2.0, 8.0, 8 * PEAK)


def test_devices_without_a_published_peak_stay_devices(read: Read) -> None:
    header = "site,pool,at,online_pflops,online_devices,used_devices,quality,reason"
    counted, half, whole = read(
        rows(
            "s,secret,1700000000,,8,4,ok,told",
            "s,secret,1700000060,3,8,4,,",
            "s,secret,1700000120,3,8,,ok,",
            header=header,
        )
    )
    assert (counted.online_pflops, counted.used_pflops) == (None, None)
    assert (counted.online_devices, counted.used_devices) == (8.0, 4.0)
    assert (counted.quality, counted.reason) == ("partial", "told; no published peak for model biren-br106")
    assert (half.online_pflops, half.used_pflops, half.quality) == (3.0, None, "partial")
    assert (whole.online_pflops, whole.quality, whole.reason) == (3.0, "ok", "")


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1700000000", 1_700_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-15T06:13:20+08:00", 1_700_000_000),
        ("2023-11-15T06:13:20", 1_700_000_000),
        ("2023-11-15 06:13:20.999", 1_700_000_000),
        ("2023-11-15", 1_699_977_600),
        (str(T0 + 300), T0 + 300),
    ],
)
def test_times(read: Read, text: str, second: int) -> None:
    (sample,) = read(rows(f"s,p,{text},1"))
    assert (sample.at, sample.source_at) == (second, second)


@given(st.integers(10**8, T0), st.sampled_from([ZONE, ZoneInfo("UTC"), ZoneInfo("America/New_York")]))
def test_a_time_with_its_offset_is_the_same_second_wherever_we_are(at: int, zone: ZoneInfo) -> None:
    parse = parsers(ZONE, T0)["at"]
    assert parse(datetime.fromtimestamp(at, zone).isoformat()) == parse(str(at)) == at


# ---------------------------------------------------------------- the forms of a file


def test_csv_and_both_kinds_of_json_say_the_same(read: Read) -> None:
    objects = [
        {"site": "s", "pool": "p", "at": 1_700_000_000, "online_pflops": 80, "max_age": "1h"},
        {"site": "s", "pool": "p", "at": "2023-11-15T00:00:00Z", "online_pflops": None, "used_pflops": 1.5},
    ]
    csv = rows("s,p,1700000000,80,,1h", "s,p,2023-11-15T00:00:00Z,,1.5,", header=HEADER + ",used_pflops,max_age")
    lines = "\n\n".join(json.dumps(one) for one in objects)
    expected = read(csv)
    assert len(expected) == 2
    for text in (json.dumps(objects), json.dumps(objects, indent=1), lines, csv.replace("\n", "\r\n"), csv + "\n\n"):
        assert read(text) == expected
        assert read(b"\xef\xbb\xbf" + text.encode()) == expected


def test_columns_and_files_come_in_any_order(read: Read) -> None:
    one, two = read(rows("1,1700000060,p,s", header="online_pflops, at ,pool,site"), rows("s, p ,1700000000, 2 "))
    assert (one.at, one.online_pflops, two.at, two.online_pflops) == (1_700_000_060, 1.0, 1_700_000_000, 2.0)


def test_a_header_alone_is_no_row(read: Read) -> None:
    assert read(rows()) == read("[]") == []


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("s,p,1700000000,-1", "online_pflops: expected a number from 0 to 1,000,000, not -1.0"),
        ("s,p,1700000000,9.2e18", "online_pflops: expected a number from 0 to 1,000,000, not 9.2e+18"),
        ("s,p,1700000000,NaN", "online_pflops: expected a number, not 'NaN'"),
        ("s,p,1700000000,1e999", "online_pflops: expected a number, not inf"),
        ("s,p,1700000000,1_000", "online_pflops: expected a number, not '1_000'"),
        ("s,p,1700000000,viele", "online_pflops: expected a number, not 'viele'"),
        ("s,p,,1", "at: expected a time"),
        ("s,p,gestern,1", "at: expected ISO 8601 or whole UTC seconds, not 'gestern'"),
        ("s,p,1700000000.5,1", "at: expected ISO 8601 or whole UTC seconds, not '1700000000.5'"),
        ("s,p,2023-02-29,1", "at: expected ISO 8601 or whole UTC seconds, not '2023-02-29'"),
        ("s,p,20240301,1", "at: 20240301 as UTC seconds is before 1973; a day is written 2024-03-01"),
        (f"s,p,{T0 + 301},1", "at: lies 301 s in the future; expected the past, in whole seconds"),
        ("s,q,1700000000,1", "pool: site s has no pool 'q'; suanli apply registers sites and pools"),
        ("s,secre,1700000000,1", "pool: site s has no pool 'secre'; nearest: secret"),
        ("x,p,1700000000,1", "site: no site 'x' with pools is registered; suanli apply registers sites and pools"),
        ("s,p,1700000000", "has 3 cells under 4 columns"),
        ("s,p,1700000000,1,", "has 5 cells under 4 columns"),
    ],
)
def test_a_wrong_row_is_told_with_its_line_and_column(problems: Callable[..., list[str]], row: str, told: str) -> None:
    assert problems(rows("s,p,1600000000,1", "", row)) == [f"f1:4: {told}"]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("max_age", "3600", "expected a duration such as 60s, 10m, 1h or 90d"),
        ("max_age", "0s", "a duration must be at least 1s and at most 100y"),
        ("max_age", "9999999999999999999y", "a duration must be at least 1s and at most 100y"),
        ("max_age", "2y", "expected a duration of at most 1y"),
        ("quality", "partial", "expected ok, estimated, declared, not 'partial'"),
        ("reason", "a\tb", "expected at most 500 characters in one line"),
        ("reason", "x" * 501, "expected at most 500 characters in one line"),
        ("online_devices", "10000001", "expected a number from 0 to 10,000,000, not 10000001.0"),
        ("online_devices", "9000000", "these are 2.808e+06 PFLOPS, more than there are"),
    ],
)
def test_a_wrong_cell(problems: Callable[..., list[str]], column: str, value: str, told: str) -> None:
    assert problems(rows(f"s,p,1700000000,1,{value}", header=f"site,pool,at,used_pflops,{column}")) == [
        f"f1:2: {column}: {told}"
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"at": 1.7e9}, "[0].at: expected ISO 8601 or whole UTC seconds, not 1700000000.0"),
        ({"at": True}, "[0].at: expected ISO 8601 or whole UTC seconds, not True"),
        ({"used_pflops": True}, "[0].used_pflops: expected a number, not True"),
        ({"used_pflops": [1]}, "[0].used_pflops: expected a number, not [1]"),
        ({"max_age": 3600}, "[0].max_age: a duration needs its unit: write 3600s, not 3600"),
        ({"site": None}, "[0].site: no site '' with pools is registered; suanli apply registers sites and pools"),
        ({"reason": 5}, "[0].reason: expected at most 500 characters in one line"),
        ({"used": 5}, "[0].used: unknown column; did you mean used_pflops?"),
    ],
)
def test_a_wrong_value_of_json(problems: Callable[..., list[str]], value: dict[str, Any], told: str) -> None:
    right = {"site": "s", "pool": "p", "at": 1_700_000_000, "used_pflops": 1}
    assert problems(json.dumps([right | value])) == [f"f1: {told}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["f1: is empty: expected a header of "]),
        ("site,pool,at\n", ["f1:1: no column of figures; expected any of online_pflops, "]),
        ("site,pool,online_pflop\n", ["f1:1: online_pflop: unknown column; did you mean online_pflops?",
                                      "f1:1: at: this column is missing", "f1:1: no column of figures"]),
        (HEADER + ",zz\n", ["f1:1: zz: unknown column; known: site, pool, at, "]),
        (HEADER + ",at\n", ["f1:1: at: this column comes twice"]),
        (rows('s,p,1700000000,"1'), ["f1:2: is no CSV here: "]),
        (HEADER.encode("utf-16"), ["f1: is neither UTF-8 nor GB18030: save it as CSV UTF-8"]),
        ('[{"site": "s"', ["f1:1: is no JSON here: "]),
        ("[1]", ["f1: [0]: expected an object of columns and values"]),
        ('{"site": "s",\n', ["f1:1: is no JSON object in one line: "]),
    ],
)  # fmt: skip
def test_a_wrong_file(problems: Callable[..., list[str]], text: str | bytes, told: list[str]) -> None:
    found = problems(text)
    assert len(found) == len(told)
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True)), found


def test_a_file_that_is_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: cannot be read: No such file or directory"):
        read_samples([tmp_path / "no.csv"], store.registry, load_accelerators(), ZONE, T0, lambda _: MAX_AGE)


def test_a_file_that_is_too_large(problems: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suanli.tables.files.MAX_BYTES", 2**20)
    assert problems("x" * (2**20 + 1)) == ["f1: larger than 1 MiB: import it in parts"]


def test_lines_are_counted_through_cells_of_several_lines(problems: Callable[..., list[str]]) -> None:
    text = rows('s,p,1700000000,1,"two\nlines"', "s,p,1700000060,x,", header=HEADER + ",reason")
    assert problems(text) == [
        "f1:2: reason: expected at most 500 characters in one line",
        "f1:4: online_pflops: expected a number, not 'x'",
    ]


def test_one_time_of_one_pool_comes_once_in_all_files(read: Read) -> None:
    first = rows("s,p,1700000000,1", "t,p,1700000000,1", "s,p,1700000060,1", "s,secret,1700000000,1")
    second = rows("s,p,1700000120,1", "s,p,2023-11-14T22:13:20Z,1")
    assert len(read(first)) == 4
    with pytest.raises(InputError, match=r"f2:3: at: this pool already has a row for this time: .*f1:2$"):
        read(first, second)


def test_every_problem_of_every_file_is_told(problems: Callable[..., list[str]]) -> None:
    header = HEADER + ",used_pflops,max_age"
    assert problems(rows("s,p,never,-1,x,1", header=header), "[", rows("x,p,1700000000,1", "x,p,1700000060,y")) == [
        "f1:2: at: expected ISO 8601 or whole UTC seconds, not 'never'",
        "f1:2: online_pflops: expected a number from 0 to 1,000,000, not -1.0",
        "f1:2: used_pflops: expected a number, not 'x'",
        "f1:2: max_age: expected a duration such as 60s, 10m, 1h or 90d",
        "f2:1: is no JSON here: unexpected end of data",
        "f3:2: site: no site 'x' with pools is registered; suanli apply registers sites and pools",
        "f3:3: online_pflops: expected a number, not 'y'",
    ]


def test_after_a_hundred_problems_the_others_are_counted(problems: Callable[..., list[str]]) -> None:
    found = problems(rows(*(f"x{number},p,1700000000,1" for number in range(250))))
    assert len(found) == 101
    assert found[99].startswith("f1:101: site: ")
    assert found[100] == "and 150 more problems"


@pytest.mark.parametrize("text", ["2024-11-03T01:30:00", "2024-03-10T02:30:00"])
def test_a_local_time_that_comes_twice_or_never_needs_its_offset(
    read: Read, problems: Callable[..., list[str]], text: str
) -> None:
    zone = ZoneInfo("America/New_York")
    expected = f"f1:2: at: {text} comes twice or never in America/New_York: write its offset"
    assert problems(rows(f"s,p,{text},1"), zone=zone) == [expected]
    assert len(read(rows(f"s,p,{text}-04:00,1"), zone=zone)) == 1


def test_progress_is_told_every_so_many_rows(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "EVERY", 2)
    told: list[str] = []
    read(rows(*(f"s,p,{1_700_000_000 + n},1" for n in range(5))), told=told.append)
    assert [one.rpartition("/")[2] for one in told] == ["f1: 2 rows read", "f1: 4 rows read"]


@given(st.none() | st.floats(0, 1e6) | st.integers(0, 1_000_000))
def test_a_number_is_the_same_from_csv_and_json(value: float | None) -> None:
    text = "" if value is None else repr(value)
    assert filled(text) == filled(value) == (value is not None)
    if value is not None:
        assert parsers(ZONE, T0)["used_pflops"](text) == parsers(ZONE, T0)["used_pflops"](value) == value


# ---------------------------------------------------------------- the command


@pytest.fixture
def registered(tmp_path: Path) -> Path:
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    (tmp_path / "log.csv").write_text(
        "site,pool,at,online_devices,used_devices,max_age\n"
        "wh-1,a100,2024-10-01T08:00:00,900,450,1h\n"
        "wh-1,a100,2024-10-01T09:00:00,800,400,1h\n"
        "wh-2,h800,2024-10-01T08:30:00,,,\n",
        encoding="utf-8",
    )
    return tmp_path


def _recorded(folder: Path, at: int) -> dict[str, tuple[float | None, float | None]]:
    store = open_store(f"sqlite:///{folder}/suanli.db")
    try:
        return {state.site: (state.online_pflops, state.used_pflops) for state in store.states(at)}
    finally:
        store.close()


NINE = 1_727_744_400  # 2024-10-01T09:00 in Shanghai
NOTHING = {"wh-1": (None, None), "wh-2": (None, None)}


def test_what_is_imported_is_what_was_true_then(registered: Path) -> None:
    ended = suanli_import(registered, "log.csv")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "3 rows of 2 pools, from 2024-10-01T00:00:00Z to 2024-10-01T01:00:00Z: recorded\n"
    assert _recorded(registered, NINE) == NOTHING | {"wh-1": (800 * PEAK, 400 * PEAK)}
    assert _recorded(registered, NINE - 1) == NOTHING | {"wh-1": (900 * PEAK, 450 * PEAK)}
    assert _recorded(registered, NINE - 3601) == NOTHING


def test_twice_is_once(registered: Path) -> None:
    assert suanli_import(registered, "log.csv", "--json").data["rows"] == 3
    before = _recorded(registered, NINE)
    again = suanli_import(registered, "log.csv", "--json")
    assert (again.code, again.data["rows"], again.data["pools"]) == (0, 3, 2)
    assert _recorded(registered, NINE) == before


def test_a_dry_run_records_nothing(registered: Path) -> None:
    ended = suanli_import(registered, "log.csv", "--dry-run")
    assert (ended.code, ended.out.partition(": ")[2]) == (0, "would be recorded\n")
    told = suanli_import(registered, "log.csv", "--dry-run", "--json").data
    assert (told["rows"], told["kept"], told["dry_run"], told["from"]) == (3, 0, True, "2024-10-01T00:00:00Z")
    assert _recorded(registered, NINE) == NOTHING


def test_one_wrong_row_and_nothing_is_recorded(registered: Path) -> None:
    (registered / "more.csv").write_text("site,pool,at,used_pflops\nwh-2,h800,2024-10-01T09:00:00,x\n")
    ended = suanli_import(registered, "log.csv", "more.csv")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "suanli: more.csv:2: used_pflops: expected a number, not 'x'\n"
    assert _recorded(registered, NINE) == NOTHING


def test_no_rows_and_the_future(registered: Path) -> None:
    (registered / "none.csv").write_text(HEADER + "\n")
    assert suanli_import(registered, "none.csv").out == "no rows: nothing to import\n"
    assert suanli_import(registered, "none.csv", "--json").data["from"] is None
    ahead = int(time.time()) + 1000
    (registered / "ahead.csv").write_text(f"{HEADER}\nwh-1,a100,{ahead},1\n")
    ended = suanli_import(registered, "ahead.csv")
    assert ended.code == 2
    assert ended.err.startswith("suanli: ahead.csv:2: at: lies ")


def test_progress_stands_beside_the_data_and_quiet_keeps_it_away(
    registered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "EVERY", 3)
    ended = suanli_import(registered, "log.csv", "--json")
    assert (ended.data["rows"], ended.err) == (3, "log.csv: 3 rows read\n")
    assert suanli_import(registered, "log.csv", "--json", quiet=True).err == ""


def test_help_names_every_column(tmp_path: Path) -> None:
    ended = suanli_import(tmp_path, "--help")
    assert ended.code == 0
    assert [name for name in COLUMNS if name not in ended.out] == []


def test_what_is_imported_is_no_stale_answer_of_a_source(tmp_path: Path) -> None:
    """Years old by nature, and whoever exported it says how good it is."""
    with a_store(a_site("s", a_pool("p", built(100.0, date(2020, 1, 1)))), folder=tmp_path):
        pass
    header = "site,pool,at,online_pflops,used_pflops,quality"
    (tmp_path / "old.csv").write_text(rows("s,p,1700000000,80,40,ok", header=header), encoding="utf-8")
    assert suanli(tmp_path, "import", "old.csv").code == 0
    found = suanli(tmp_path, "rates", "--at", "2023-11-14T22:14Z", "--json").data["groups"]
    assert [(one["online_pflops"], one["quality"]) for one in found] == [(80.0, "ok")]


def test_a_table_of_a_chinese_spreadsheet_program_is_read_as_it_is_saved(read: Read) -> None:
    text = rows("s,p,1700000000,1,宿州智算一号，一期", header=HEADER + ",reason")
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        (sample,) = read(text.encode(encoding))
        assert (sample.reason, sample.online_pflops) == ("宿州智算一号，一期", 1.0)
    (sample,) = read(json.dumps([{"site": "s", "pool": "p", "at": T0, "used_pflops": 1, "reason": "镕"}],
                                ensure_ascii=False).encode("gb18030"))  # fmt: skip
    assert sample.reason == "镕"


def workbook(*lines: list[object], sheets: int = 1) -> bytes:
    book = Workbook()
    for number in range(1, sheets):
        book.create_sheet(f"other {number}")
    for line in lines:
        book.worksheets[0].append(line)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_a_workbook_says_the_same_as_csv(read: Read) -> None:
    header: list[object] = ["site", "pool", "at", "online_devices", "used_pflops"]
    found = read(
        workbook(header, ["s", "p", datetime.fromisoformat("2023-11-15T06:13:20"), 10, 1.5], ["t", "p", 1700000060, 8])
    )
    same = read("site,pool,at,online_devices,used_pflops\ns,p,2023-11-15T06:13:20,10,1.5\nt,p,1700000060,8,\n")
    assert found == same
    assert [sample.at for sample in found] == [1_700_000_000, 1_700_000_060]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lambda: workbook(["site", "pool", "at", "used_pflops"], ["s", "p", "=1+1", 1], ["s", "p", 1, "x", 3]),
         ["f1:2: at: is a formula without a value", "f1:3: has cells beside the columns"]),
        (lambda: workbook(["site", "pool", "at", "used"]), ["f1:1: used: unknown column; did you mean used_pflops?",
                                                           "f1:1: no column of figures"]),
        (workbook, ["f1: is empty: expected a header of site, pool, at"]),
        (lambda: workbook(["site"], sheets=2), ["f1: expected one sheet; sheets in it: 'Sheet', 'other 1'"]),
        (lambda: b"PK\x03\x04 and nothing more", ["f1: is damaged"]),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ["f1: is an old .xls, or has a password"]),
    ],
)  # fmt: skip
def test_a_wrong_workbook(problems: Callable[..., list[str]], data: Callable[[], bytes], told: list[str]) -> None:
    found = problems(data())
    assert len(found) == len(told), found
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True)), found
