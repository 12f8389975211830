"""A spreadsheet of capacity: read like a YAML file, refused with the cell, written as it is read."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from suanli.catalog.accelerators import load_accelerators
from suanli.model.errors import InputError
from suanli.model.site import Match, Site
from suanli.registry.file import read_sites
from suanli.registry.sheet.columns import BY_KEY, COLUMNS, column_named
from suanli.registry.sheet.layout import MAX_COLUMN, MAX_ROWS
from suanli.registry.sheet.writing import write_sheet, write_template
from tests.suanli.making import A100, SITES_YAML, ZONE, a_pool, a_site, built, sites
from tests.suanli.running import contents, suanli

KEYS = [column.key for column in COLUMNS]
LETTER = {key: chr(ord("A") + place) for place, key in enumerate(KEYS)}
GOOD: dict[str, Any] = {
    "site_id": "wh-1", "site_name": "芜湖一号", "province": "安徽", "operator": "示例运营方", "pool_id": "a100",
    "model": A100, "from": date(2024, 9, 1), "stage": "built", "devices": 1000, "source": "验收报告",
}  # fmt: skip


def a_book(path: Path, *rows: dict[str, Any] | None, title: str = "容量", head: list[str] | None = None) -> Any:
    """A sheet with these rows under the Chinese headings, from row 2 on; None is a blank row. Not saved yet."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = title
    names = head or [column.zh for column in COLUMNS]
    sheet.append(names)
    for number, row in enumerate(rows, 2):
        for key, value in (row or {}).items():
            place = next(n for n, name in enumerate(names, 1) if column_named(name) is BY_KEY[key])
            cell = sheet.cell(number, place, value)
            if isinstance(value, str) and not value.startswith("="):
                cell.data_type = "s"
    return book


def saved(folder: Path, *rows: dict[str, Any] | None, **more: Any) -> Path:
    path = folder / "capacity.xlsx"
    a_book(path, *rows, **more).save(path)
    return path


def read(*paths: Path, registered: dict[str, Site] | None = None, told: list[str] | None = None) -> list[Site]:
    lines: list[str] = [] if told is None else told
    return read_sites(paths, ZONE, load_accelerators(), registered=registered, told=lines.append)


def refused(path: Path, folder: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        read(path)
    return [str(problem).replace(f"{folder}/", "") for problem in error.value.problems]


def changed(path: Path, change: Callable[[str, bytes], bytes | None], **more: bytes) -> Path:
    """The zip with every part changed; None leaves it out."""
    old, new = zipfile.ZipFile(io.BytesIO(path.read_bytes())), io.BytesIO()
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in old.namelist():
            if (data := change(name, old.read(name))) is not None:
                archive.writestr(name, data)
        for name, data in more.items():
            archive.writestr(name, data)
    path.write_bytes(new.getvalue())
    return path


def in_sheet(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    def change(name: str, data: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return data
        assert old in data
        return data.replace(old, new, 1)

    return change


# ---------------------------------------------------------------- what is written is read back


def _holds(site: Site) -> bool:
    """Texts with spaces at their ends stand in no cell: the next test but one."""
    texts = [site.name, site.province, site.operator]
    for pool in site.pools:
        texts += [entry.source for entry in pool.capacity]
        texts += [pool.match.label, pool.match.value] if pool.match else []
    return all(text == text.strip() for text in texts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(sites().filter(_holds), min_size=1, max_size=3, unique_by=lambda site: site.id))
@example([a_site("0", name="=1+1", operator="#N/A", province="_x0041_"), a_site("s", a_pool("p"), name="\uffff")])
@example([a_site("s", a_pool("p", built(0.30000000000000004)), a_pool("q", built(1e-5)), since=date(1980, 1, 1))])
@example([a_site("s", a_pool("p", built(1.0, since=datetime(2024, 1, 1))), name="2024-03")])  # noqa: DTZ001
def test_what_is_written_is_read_back_but_for_the_sources(tmp_path_factory: Any, wanted: list[Site]) -> None:
    path = tmp_path_factory.mktemp("sheet") / "out.xlsx"
    write_sheet(path, wanted, load_accelerators())
    without = [site.model_copy(update={"source": None, "cross_check": None}) for site in wanted]
    assert read(path) == without
    assert read(path, registered={site.id: site for site in wanted}) == wanted


@pytest.mark.parametrize(
    "text", [" a", "a\nb", "a\u202eb", "a\x01b", "x" * 40_000], ids=["space", "line", "bidi", "control", "long"]
)
def test_a_text_that_no_cell_keeps_is_not_written(tmp_path: Path, text: str) -> None:
    site = a_site("s", a_pool("p", built(1.0)))
    match = Match.model_construct(label="l", value=text)  # what was recorded before such texts were refused
    site = site.model_copy(update={"pools": (site.pools[0].model_copy(update={"match": match}),)})
    with pytest.raises(InputError, match=r"s: match_value .* cannot stand in a cell"):
        write_sheet(tmp_path / "out.xlsx", [site], load_accelerators())
    assert not (tmp_path / "out.xlsx").exists()


def test_a_day_that_would_be_refused_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="s: since '1890-01-01' cannot stand in a cell"):
        write_sheet(tmp_path / "out.xlsx", [a_site("s", since=date(1890, 1, 1))], load_accelerators())


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        write_template(tmp_path / "a.xlsx", load_accelerators())
    assert (tmp_path / "a.xlsx").read_text() == "mine"
    with pytest.raises(InputError, match=r"must end in \.xlsx"):
        write_template(tmp_path / "a.csv", load_accelerators())
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_template(tmp_path / "no" / "a.xlsx", load_accelerators())


def test_more_than_is_read_again_is_not_written(tmp_path: Path) -> None:
    many = [a_site(f"s-{n}", a_pool("p", built(1.0, source="源" * 500)), name="长" * 120) for n in range(11_000)]
    with pytest.raises(InputError, match="too large to be read again"):
        write_sheet(tmp_path / "out.xlsx", many, load_accelerators())
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the form


def test_the_form_has_headings_choices_help_and_catalogue(tmp_path: Path) -> None:
    write_template(tmp_path / "form.xlsx", load_accelerators())
    book = load_workbook(tmp_path / "form.xlsx")
    assert book.sheetnames == ["容量", "说明 help", "目录 catalogue"]
    sheet: Any = book["容量"]
    help_: Any = book["说明 help"]
    catalogue: Any = book["目录 catalogue"]
    assert [cell.value.rstrip("*") for cell in sheet[1]] == [column.zh for column in COLUMNS]
    assert [cell.value for cell in sheet[2]] == KEYS
    assert sheet.freeze_panes == "B3"
    formats = {key: sheet.column_dimensions[LETTER[key]].number_format for key in ("from", "source")}
    assert formats == {"from": "yyyy-mm-dd", "source": "@"}, "else 2024-03 in a source would become a date"
    lists = {str(one.sqref).split(":")[0]: one.formula1 for one in sheet.data_validations.dataValidation}
    assert lists[f"{LETTER['stage']}3"] == '"planned 规划,built 已建成,retired 退役"'
    assert set(lists) == {f"{LETTER[key]}3" for key in ("status", "stage", "reason", "basis", "model")}
    rows = load_accelerators().rows
    assert lists[f"{LETTER['model']}3"] == f"'目录 catalogue'!$A$2:$A${len(rows) + 1}"
    assert [catalogue.cell(n, 1).value for n in range(2, len(rows) + 2)] == [row.id for row in rows]
    explained = {line[1].value: (line[2].value, line[3].value) for line in help_.iter_rows()}
    assert {column.key: column.told for column in COLUMNS}.items() <= explained.items()
    assert all(len(formula) <= 255 for formula in lists.values()), "no spreadsheet takes a longer list"


def test_the_form_as_it_is_changes_nothing_and_says_so(tmp_path: Path) -> None:
    assert suanli(tmp_path, "apply", "--template").code == 0
    ended = suanli(tmp_path, "apply", "capacity.xlsx")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == [
        "capacity.xlsx: 容量: no rows of data yet: fill them in under the headings",
        "capacity.xlsx: 容量: remarks, not read: 2 rows (3, 4)",
        "nothing to change",
    ]


def test_the_form_filled_in_is_read(tmp_path: Path) -> None:
    path = tmp_path / "capacity.xlsx"
    write_template(path, load_accelerators())
    book = load_workbook(path)
    for key, value in (GOOD | {"stage": "built 已建成", "status": "维护"}).items():
        book["容量"][f"{LETTER[key]}5"] = value
    book.save(path)
    (site,) = read(path)
    assert (site.status, site.pools[0].capacity[0].devices) == ("maintenance", 1000)


# ---------------------------------------------------------------- what a sheet may look like


def test_facts_are_said_once_or_in_every_row(tmp_path: Path) -> None:
    later = {key: GOOD[key] for key in ("site_id", "pool_id")}
    later |= {"from": date(2025, 1, 1), "stage": "built", "pflops": 2.5, "source": "增补"}
    other = GOOD | {"site_id": "wh-2", "pool_id": "b", "basis": "fp32", "match_label": "gres", "match_value": "b"}
    alone = {key: GOOD[key] for key in ("site_name", "province", "operator")} | {"site_id": "wh-3"}
    first, second, third = read(saved(tmp_path, GOOD, other, later, None, alone))
    assert [(entry.devices, entry.pflops) for entry in first.pools[0].capacity] == [(1000, None), (None, 2.5)]
    assert (second.pools[0].basis, second.pools[0].match and second.pools[0].match.value) == ("fp32", "b")
    assert (third.id, third.pools) == ("wh-3", ())


def test_headings_come_in_any_order_in_either_language_under_a_title(tmp_path: Path) -> None:
    names = [
        "source",
        "设备数 / devices",
        "阶段*",
        "FROM",
        "型号",
        "Pool ID",
        "运营方",
        "省份",
        "站点名称",
        "ＳＩＴＥ＿ＩＤ",
    ]
    book = a_book(tmp_path, GOOD, head=names)
    sheet: Any = book.active
    sheet.insert_rows(1, 2)
    sheet["A1"] = "某市算力台账"
    sheet.merge_cells("A1:F1")
    for place, text in enumerate(("省份", "安徽", "运营方", "示例"), 1):
        sheet.cell(2, place, text)
    book.create_sheet("别的")
    book.save(tmp_path / "capacity.xlsx")
    (site,) = read(tmp_path / "capacity.xlsx")
    assert site == read(saved(tmp_path, GOOD))[0]


DAYS = {
    "2026-10-01": date(2026, 10, 1), "2026年10月1日": date(2026, 10, 1), "2026/10/1": date(2026, 10, 1),
    "２０２６．１０．１": date(2026, 10, 1), "2026-10": date(2026, 10, 1), "2026年3月": date(2026, 3, 1),
    "2026-10-01T08:30": datetime(2026, 10, 1, 8, 30),  # noqa: DTZ001
    datetime(2026, 10, 1): date(2026, 10, 1),  # noqa: DTZ001
    datetime(2026, 10, 1, 8, 29, 59, 999_000): datetime(2026, 10, 1, 8, 30),  # noqa: DTZ001
}  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), DAYS.items(), ids=map(str, DAYS))
def test_a_day_as_people_write_it(tmp_path: Path, written: Any, meant: Any) -> None:
    (site,) = read(saved(tmp_path, GOOD | {"from": written}))
    assert site.pools[0].capacity[0].since == meant


NUMBERS = {"1,024": 1024, "１０２４": 1024, "１，０２４": 1024, 1024.0: 1024, " 1024 ": 1024, "1,234,567": 1234567}


@pytest.mark.parametrize(("written", "meant"), NUMBERS.items(), ids=map(str, NUMBERS))
def test_a_number_as_people_write_it(tmp_path: Path, written: Any, meant: int) -> None:
    (site,) = read(saved(tmp_path, GOOD | {"devices": written}))
    assert site.pools[0].capacity[0].devices == meant


def test_an_id_that_the_spreadsheet_took_for_a_number_is_text(tmp_path: Path) -> None:
    assert read(saved(tmp_path, GOOD | {"site_id": 7, "source": 2024}))[0].id == "7"


def test_hidden_rows_and_columns_are_read_and_told_and_notes_are_not(tmp_path: Path) -> None:
    book = a_book(tmp_path, GOOD, GOOD | {"from": date(2025, 1, 1)}, None, {"site_id": "# 草稿", "devices": 1})
    sheet: Any = book.active
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["I"].hidden = True
    sheet["C9"] = "以上为初步数据"
    book.create_sheet("别的")
    sheet.sheet_state = "hidden"
    book.save(tmp_path / "capacity.xlsx")
    told: list[str] = []
    (site,) = read(tmp_path / "capacity.xlsx", told=told)
    assert len(site.pools[0].capacity) == 2
    assert [line.rpartition("容量: ")[2] for line in told] == [
        "this sheet is hidden, but was read", "remarks, not read: 2 rows (5, 9)", "hidden, but read too: 1 row (3)",
        "hidden columns, read too: 1",
    ]  # fmt: skip


def test_a_fact_merged_over_rows_is_each_row_s_and_an_amount_is_refused(tmp_path: Path) -> None:
    book = a_book(tmp_path, GOOD, {**GOOD, "from": date(2025, 1, 1)})
    sheet: Any = book.active
    for key in ("site_id", "site_name", "pool_id"):
        sheet.merge_cells(f"{LETTER[key]}2:{LETTER[key]}3")
    book.save(tmp_path / "capacity.xlsx")
    assert len(read(tmp_path / "capacity.xlsx")[0].pools[0].capacity) == 2
    sheet.merge_cells(f"{LETTER['devices']}2:{LETTER['devices']}3")
    book.save(tmp_path / "capacity.xlsx")
    told = refused(tmp_path / "capacity.xlsx", tmp_path)
    assert [line.partition(": 1000")[0] for line in told] == ["capacity.xlsx: 容量!O2", "capacity.xlsx: 容量!O3"]
    assert "each row's amount, or their sum?" in told[0]


def test_a_formula_is_read_by_the_value_that_was_saved_with_it(tmp_path: Path) -> None:
    path = saved(tmp_path, GOOD | {"devices": "=500+500"})
    assert refused(path, tmp_path) == [
        "capacity.xlsx: 容量!O2: is a formula without a value: "
        "open the file in the spreadsheet program and save it once"
    ]
    changed(path, in_sheet(b"<f>500+500</f><v />", b"<f>500+500</f><v>1000</v>"))
    assert read(path) == read(saved(tmp_path, GOOD))


def test_a_formula_that_gives_no_text_leaves_its_cell_empty(tmp_path: Path) -> None:
    path = saved(tmp_path, GOOD | {"status": '=""'}, {"devices": '=""'})
    empty = b'<c r="%s" t="str"><f>""</f><v></v></c>'
    changed(path, in_sheet(b'<c r="E2"><f>""</f><v /></c>', empty % b"E2"))
    changed(path, in_sheet(b'<c r="O3"><f>""</f><v /></c>', empty % b"O3"))
    assert read(path) == read(saved(tmp_path, GOOD))


def test_an_error_of_the_spreadsheet_is_told(tmp_path: Path) -> None:
    path = changed(
        saved(tmp_path, GOOD | {"devices": "=1/0"}),
        in_sheet(b'<c r="O2"><f>1/0</f><v /></c>', b'<c r="O2" t="e"><f>1/0</f><v>#DIV/0!</v></c>'),
    )
    assert refused(path, tmp_path) == [
        "capacity.xlsx: 容量!O2: is the error '#DIV/0!': mend the formula, or write the value"
    ]


def test_what_was_read_of_a_registered_site_keeps_its_sources(tmp_path: Path) -> None:
    check = {"kind": "prometheus", "url": "https://m.example", "matches": {"b": {"label": "l", "value": "v"}}}
    source = {"kind": "http_json", "url": "https://a.example"}
    before = a_site("wh-1", a_pool("a100"), a_pool("b"), source=source, cross_check=check)
    (site,) = read(saved(tmp_path, GOOD), registered={"wh-1": before})
    assert (site.source, site.cross_check) == (before.source, before.cross_check)
    assert read(saved(tmp_path, GOOD | {"site_id": "wh-9"}), registered={"wh-1": before})[0].source is None


# ---------------------------------------------------------------- everything that is refused, with its cell

_BAD: dict[str, tuple[dict[str, Any], str]] = {
    "id": ({"site_id": "WH 1"}, "A2: an id is 1 to 63 lower-case letters, digits and hyphens, not 'WH 1'"),
    "sums": ({"site_id": "合 计"}, "A2: '合 计' looks like a row of sums"),
    "no-site": ({"site_id": None}, "A2: is empty: write 站点编号 (site_id) in every row of it"),
    "no-name": ({"site_name": None}, "B2: is empty: one of the rows of the same site says its 站点名称 (site_name)"),
    "blank": ({"province": "  "}, "C2: is empty: one of the rows of the same site says its 省份 (province)"),
    "long": ({"site_name": "长" * 121}, "B2: String should have at most 120 characters"),
    "longer": ({"note": None, "operator": "x" * 32_767}, "D2: String should have at most 120 characters"),
    "line": ({"operator": "一\n二"}, "D2: has a line break, control or bidirectional character (U+000A): '一\\n二'"),
    "bidi": ({"operator": "a\u202eb"}, "D2: has a line break, control or bidirectional character (U+202E)"),
    "escaped": ({"source": "a_x0007_b"}, "Q2: has a line break, control or bidirectional character (U+0007)"),
    "status": ({"status": "running"}, "E2: expected one of planned 规划, building 在建, operational 运行, maintenance"),
    "since": ({"since": date(2025, 1, 1)}, "L2: built before the site began (2025-01-01)"),
    "no-pool": ({"pool_id": None}, "G2: is empty: write 资源池编号 (pool_id) in every row of it"),
    "model": ({"model": "a1000"}, "H2: model 'a1000' is not in the catalogue; nearest: "),
    "no-model": ({"model": None}, "H2: is empty: one of the rows of the same pool says its 型号 (model)"),
    "basis": ({"basis": "fp8"}, "I2: expected one of fp16 半精度, fp32 单精度, fp64 双精度, not 'fp8'"),
    "match": ({"match_label": "gres"}, "K2: is empty: match_label and match_value go together"),
    "number-day": ({"from": 45536}, "L2: is the number 45536, not a date; format the cell as a date"),
    "time": ({"from": time(8, 30)}, "L2: is the time 08:30:00 without a day"),
    "no-day": ({"from": "2024-02-30"}, "L2: '2024-02-30' is no day that there is"),
    "month-first": ({"from": "10/1/2026"}, "L2: expected a day such as 2026-10-01 or 2026年10月1日, not '10/1/2026'"),
    "old": ({"from": date(1905, 1, 1)}, "L2: the year is 1905; expected 1970 to 2199"),
    "no-from": ({"from": None}, "L2: is empty: an entry of capacity has its 起始日期 (from)"),
    "until-month": ({"until": "2026-10"}, "M2: '2026-10': its first day or its end?"),
    "until": ({"until": date(2024, 9, 1)}, "L2: until must come after from"),
    "stage": ({"stage": "done"}, "N2: expected one of planned 规划, built 已建成, retired 退役, not 'done'"),
    "no-stage": ({"stage": None}, "N2: is empty: an entry of capacity has its 阶段 (stage)"),
    "unit": ({"devices": "1024台"}, "O2: expected a number such as 1024 or 12.5, without a unit, not '1024台'"),
    "commas": ({"devices": "1,02"}, "O2: expected a number such as 1024 or 12.5, without a unit, not '1,02'"),
    "half": ({"devices": 10.5}, "O2: expected a whole number of devices, not 10.5"),
    "many": ({"devices": 10**8}, "O2: should be less than or equal to 10000000"),
    "huge": ({"devices": 10**300}, "O2: expected a number such as 1024"),
    "negative": ({"devices": -1}, "O2: should be greater than or equal to 0"),
    "yes": ({"devices": True}, "O2: is TRUE; expected a whole number"),
    "both": ({"pflops": 3}, "O2: both devices and pflops are given: keep one"),
    "neither": ({"devices": None}, "O2: neither devices nor pflops is given"),
    "pflops": ({"devices": None, "pflops": "1e9"}, "P2: should be less than or equal to 1000000"),
    "no-source": ({"source": None}, "Q2: is empty: an entry of capacity has its 依据 (source)"),
    "date-text": ({"source": date(2024, 3, 1)}, "Q2: the spreadsheet made a date: 2024-03-01 00:00:00 of it"),
    "number-text": ({"source": 2024.17}, "Q2: the spreadsheet made the number 2024.17 of it"),
    "reason": ({"reason": "因为"}, "R2: expected one of new 新增, repair-return 修复返还"),
}


@pytest.mark.parametrize(("change", "told"), _BAD.values(), ids=_BAD.keys())
def test_a_bad_cell_is_told_once_with_its_place(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    row = {key: value for key, value in (GOOD | change).items() if value is not None}
    (line,) = refused(saved(tmp_path, row), tmp_path)
    assert line.startswith(f"capacity.xlsx: 容量!{told}")


def test_all_mistakes_of_all_sites_are_told_at_once(tmp_path: Path) -> None:
    rows = [
        ({key: value for key, value in (GOOD | change).items() if value is not None} | {"site_id": f"s-{number}"})
        for number, (name, (change, _)) in enumerate(_BAD.items())
        if name not in {"id", "sums", "no-site"}
    ]
    told = refused(saved(tmp_path, *rows), tmp_path)
    wanted = [told for name, (_, told) in _BAD.items() if name not in {"id", "sums", "no-site"}]
    cells = [f"capacity.xlsx: 容量!{text[0]}{number}: {text[4:]}" for number, text in enumerate(wanted, 2)]
    assert len(told) == len(cells) > 30
    assert [cell for cell in cells if not any(line.startswith(cell) for line in told)] == []


def test_rows_that_contradict_each_other_are_told_with_both(tmp_path: Path) -> None:
    other = GOOD | {"from": date(2025, 1, 1), "site_name": "芜湖二号", "basis": "fp32", "status": "维护"}
    assert refused(saved(tmp_path, GOOD | {"basis": "fp16"}, None, other), tmp_path) == [
        "capacity.xlsx: 容量!B4: says '芜湖二号', but row 2 of the same site says '芜湖一号'",
        "capacity.xlsx: 容量!I4: says 'fp32', but row 2 of the same pool says 'fp16'",
    ]


def test_what_follows_from_a_mistake_is_not_told_too(tmp_path: Path) -> None:
    rows = (GOOD | {"since": date(2025, 1, 1)}, GOOD | {"from": date(2025, 2, 1), "since": date(2020, 1, 1)})
    (line,) = refused(saved(tmp_path, *rows), tmp_path)
    assert line.startswith("capacity.xlsx: 容量!F3: says 2020-01-01, but row 2")


def test_a_single_id_under_the_table_is_no_note(tmp_path: Path) -> None:
    told = refused(saved(tmp_path, GOOD, {"site_id": "wh-2"}), tmp_path)
    assert [line.partition(" is")[0] for line in told] == [f"capacity.xlsx: 容量!{letter}3:" for letter in "BCD"]


def test_there_may_be_several_columns_of_notes(tmp_path: Path) -> None:
    names = [*(column.zh for column in COLUMNS), "note"]
    assert read(saved(tmp_path, GOOD, head=names)) == read(saved(tmp_path, GOOD))


def test_entries_that_overlap_are_told_with_their_row(tmp_path: Path) -> None:
    until = GOOD | {"until": date(2025, 6, 1)}
    assert refused(saved(tmp_path, until, GOOD | {"from": date(2025, 1, 1)}), tmp_path) == [
        "capacity.xlsx: 容量!L3: overlaps another built entry of this pool"
    ]


HEADS: dict[str, tuple[dict[str, str | None], str]] = {
    "near": ({"province": "省分"}, "C1: unknown heading '省分'; did you mean 省份?"),
    "english": ({"reason": "reasons"}, "R1: unknown heading 'reasons'; did you mean reason?"),
    "strange": ({"note": "天气"}, "S1: unknown heading '天气'; known here: 站点编号, "),
    "twice": ({"note": "source"}, "S1: 依据 (source) is also 容量!Q1"),
    "missing": ({"source": "备注"}, "A1: no column 依据 (source); `suanli apply --template` writes a form"),
    "amounts": ({"devices": "备注", "pflops": "备注"}, "A1: no column of amounts: 设备数 (devices)"),
}


@pytest.mark.parametrize(("change", "told"), HEADS.values(), ids=HEADS.keys())
def test_a_bad_heading_is_told_with_its_place(tmp_path: Path, change: dict[str, str], told: str) -> None:
    book = a_book(tmp_path)
    for key, name in change.items():
        book.active[f"{LETTER[key]}1"] = name
    book.save(tmp_path / "capacity.xlsx")
    lines = refused(tmp_path / "capacity.xlsx", tmp_path)
    assert any(line.startswith(f"capacity.xlsx: 容量!{told}") for line in lines), lines


def test_two_rows_of_headings_that_disagree(tmp_path: Path) -> None:
    book = a_book(tmp_path)
    keys = dict(zip(KEYS, KEYS, strict=True)) | {"province": "operator", "operator": "province"}
    book.active.append(list(keys.values()))
    book.save(tmp_path / "capacity.xlsx")
    lines = refused(tmp_path / "capacity.xlsx", tmp_path)
    assert "capacity.xlsx: 容量!C2: operator stands under the heading 省份: which is it?" in lines


def test_values_without_a_heading_and_a_merged_block_are_refused(tmp_path: Path) -> None:
    book = a_book(tmp_path, GOOD)
    sheet: Any = book.active
    sheet["U2"], sheet["U3"] = "?", "?"
    sheet.merge_cells("B2:C2")
    book.save(tmp_path / "capacity.xlsx")
    lines = refused(tmp_path / "capacity.xlsx", tmp_path)
    assert "capacity.xlsx: 容量!U2: this column has no heading: 备注 (note) is for remarks" in lines
    assert "capacity.xlsx: 容量!B2: is merged over several columns: split it" in lines


def test_a_book_without_the_sheet_or_without_headings(tmp_path: Path) -> None:
    book = a_book(tmp_path, title="甲")
    book.create_sheet("乙\u202e")
    book.save(tmp_path / "capacity.xlsx")
    assert refused(tmp_path / "capacity.xlsx", tmp_path) == [
        "capacity.xlsx: expected one sheet called 容量 or capacity; sheets in it: '甲', '乙\\u202e' "
        "(suanli apply --template writes a form)"
    ]
    Workbook().save(tmp_path / "capacity.xlsx")
    (line,) = refused(tmp_path / "capacity.xlsx", tmp_path)
    assert line.startswith("capacity.xlsx: Sheet: no row of headings such as 站点编号")


# ---------------------------------------------------------------- files that are not opened


def _named(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def _with_part(part: str, data: bytes = b"x") -> Callable[[Path], Path]:
    return lambda folder: changed(saved(folder, GOOD), lambda _, old: old, **{part: data})


def _rewritten(old: bytes, new: bytes) -> Callable[[Path], Path]:
    return lambda folder: changed(saved(folder, GOOD), in_sheet(old, new))


def _bomb_that_lies(folder: Path) -> Path:
    """Its list of contents declares ten bytes for what unpacks to 60 MB."""
    path = changed(saved(folder, GOOD), in_sheet(b"</sheetData>", b"</sheetData>" + b" " * 60_000_000))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"xl/worksheets/sheet1.xml"))
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    path.write_bytes(data)
    return path


def _many_parts(folder: Path) -> Path:
    return changed(saved(folder, GOOD), lambda _, old: old, **{f"x{number}": b"" for number in range(2000)})


def _encrypted(folder: Path) -> Path:
    path = saved(folder, GOOD)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    return path


_LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><worksheet'
_MANY = b"".join(b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (n, n) for n in range(10, MAX_ROWS + 20))
HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "ole": (_named("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500), "is an old .xls, or has a password: "),
    "csv": (
        _named("a.csv", b"site_id,model\n"),
        "is CSV, which has no types: open it in the spreadsheet program and save",
    ),
    "text": (_named("a.xlsx", b"hello"), "is no .xlsx: "),
    "empty": (_named("a.xlsx", b""), "is no .xlsx: "),
    "missing": (lambda folder: folder / "none.xlsx", "cannot be read: No such file"),
    "cut": (_named("a.xlsx", b"PK\x03\x04" + b"\0" * 100), "is damaged: "),
    "zip-as-yaml": (_named("a.yaml", b"PK\x03\x04" + b"\0" * 100), "is damaged: "),
    "large": (_named("a.xlsx", b"PK\x03\x04" + b"\0" * 21_000_000), "larger than 20 MiB"),
    "bomb": (_with_part("xl/media/x", b"\0" * 21_000_000), "unpacks to more than 20 MiB"),
    "parts": (_many_parts, "unpacks to more than 20 MiB or 2,000 parts"),
    "liar": (_bomb_that_lies, "cannot be read as .xlsx (BadZipFile)"),
    "password": (_encrypted, "is a zip with a password"),
    "links": (_with_part("xl/externalLinks/externalLink1.xml"), "has links to other workbooks: break them"),
    "macros": (_with_part("xl/vbaProject.bin"), "has macros"),
    "xlsb": (_with_part("xl/workbook.bin"), "is an .xlsb"),
    "ods": (_with_part("content.xml"), "is an OpenDocument spreadsheet"),
    "entities": (_rewritten(b"<worksheet", _LAUGHS), "cannot be read as .xlsx (ValueError)"),
    "dtd": (_rewritten(b"<worksheet", b"<!DOCTYPE x><worksheet"), "cannot be read as .xlsx (DTDForbidden)"),
    "broken": (_rewritten(b"</sheetData>", b"</sheetDat>"), "cannot be read as .xlsx (ParseError)"),
    "rows": (_rewritten(b"</sheetData>", _MANY + b"</sheetData>"), "has more than 100,000 rows: apply it in parts"),
    "far": (
        _rewritten(b"</sheetData>", b'<row r="9"><c r="XFD9"><v>1</v></c></row></sheetData>'),
        f"has values beyond its column {MAX_COLUMN}",
    ),
    "last-row": (
        _rewritten(b"</sheetData>", b'<row r="999999999999"><c r="A9"><v>1</v></c></row></sheetData>'),
        "has row 999999999999 after row 2: open it",
    ),
    "order": (
        _rewritten(b"</sheetData>", b'<row r="2"><c r="A2"><v>1</v></c></row></sheetData>'),
        "has row 2 after row 2: open it",
    ),
    "merged-backwards": (
        _rewritten(b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1048576:XFD1"/></mergeCells>'),
        "has more than 200,000 merged cells",
    ),
    "merged": (
        _rewritten(b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'),
        "has more than 200,000 merged cells",
    ),
}


@pytest.mark.parametrize(("make", "told"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_or_foreign_file_is_refused(tmp_path: Path, make: Callable[[Path], Path], told: str) -> None:
    path = make(tmp_path)
    (line,) = refused(path, tmp_path)
    assert line.startswith(f"{path.name}: {told}")


def test_a_sheet_that_claims_to_be_endless_is_read_as_far_as_it_says_something(tmp_path: Path) -> None:
    path = saved(tmp_path, GOOD)
    wanted = read(path)
    changed(path, in_sheet(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'))
    changed(path, lambda _, data: data.replace(b'<dimension ref="A1:S2"', b'<dimension ref="A1:XFD1048576"'))
    assert read(path) == wanted


def test_a_text_that_no_spreadsheet_would_hold_is_refused(tmp_path: Path) -> None:
    path = changed(saved(tmp_path, GOOD), in_sheet("验收报告".encode(), b"x" * 40_000))
    assert refused(path, tmp_path) == ["capacity.xlsx: 容量!Q2: has 40000 characters; a cell holds at most 32767"]


def test_so_many_problems_are_told_and_the_others_counted(tmp_path: Path) -> None:
    told = refused(saved(tmp_path, *[GOOD | {"devices": "?"} for _ in range(300)]), tmp_path)
    assert (len(told), told[-1]) == (201, "capacity.xlsx: and 100 more problems")


# ---------------------------------------------------------------- the command


def test_a_sheet_and_a_yaml_file_are_applied_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    saved(tmp_path, GOOD | {"site_id": "wh-3", "stage": "done"})
    before = suanli(tmp_path, "export").out
    ended = suanli(tmp_path, "apply", "sites.yaml", "capacity.xlsx")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("suanli: capacity.xlsx: 容量!N2: expected one of")
    assert suanli(tmp_path, "export").out == before
    saved(tmp_path, GOOD | {"site_id": "wh-3"})
    dry = suanli(tmp_path, "apply", "sites.yaml", "capacity.xlsx", "--dry-run", "--json")
    assert dry.data["changes"][-1] == "+ capacity wh-3/a100: built 1000 devices from 2024-09-01 (验收报告)"
    assert suanli(tmp_path, "apply", "sites.yaml", "capacity.xlsx").err.endswith("10 changes made\n")
    saved(tmp_path, GOOD)
    twice = suanli(tmp_path, "apply", "sites.yaml", "capacity.xlsx")
    assert twice.err == "suanli: capacity.xlsx: 容量!A2: site wh-1 is listed twice\n"


def test_what_export_writes_apply_reads_back_and_the_sources_stay(tmp_path: Path) -> None:
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    suanli(tmp_path, "apply", "sites.yaml")
    before = suanli(tmp_path, "export").out
    ended = suanli(tmp_path, "export", "--xlsx", "out.xlsx")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == [
        "out.xlsx is written: 3 rows of 2 sites",
        "not in it: sources (1); `suanli apply` leaves them as they are registered",
    ]
    assert suanli(tmp_path, "apply", "out.xlsx").err == "nothing to change\n"
    assert suanli(tmp_path, "export").out == before
    assert "http_json" in before


def test_what_the_plan_finds_is_told_with_the_row(tmp_path: Path) -> None:
    saved(tmp_path, GOOD)
    assert suanli(tmp_path, "apply", "capacity.xlsx").code == 0
    before = contents(tmp_path)["suanli.db"]
    saved(tmp_path, GOOD | {"pool_id": "b"}, GOOD | {"devices": 999})
    ended = suanli(tmp_path, "apply", "capacity.xlsx")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(
        "suanli: capacity.xlsx: 容量!L3: site wh-1, pool a100: the ledger already says built 1000 devices"
    )
    assert contents(tmp_path)["suanli.db"] == before
    saved(tmp_path, GOOD | {"devices": 999, "reason": "更正"})
    assert suanli(tmp_path, "apply", "capacity.xlsx").code == 0


def test_the_command_line_of_the_form(tmp_path: Path) -> None:
    assert suanli(tmp_path, "apply", "--template", "f.xlsx", "--json").data == {"template": "f.xlsx"}
    assert suanli(tmp_path, "apply", "--template", "f.xlsx").code == 2
    assert (
        suanli(tmp_path, "apply", "--template", "a.xlsx", "b.xlsx").err == "suanli: --template: one FILE is written\n"
    )
    assert suanli(tmp_path, "apply").err.startswith("suanli: which files?")
    assert sorted(contents(tmp_path)) == ["f.xlsx"], "neither asks for a store"
