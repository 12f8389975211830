"""The form of the sheet: headings, widths, lists to choose from, an explained example, help, and the catalogue."""

from __future__ import annotations

from datetime import date
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from suanli.catalog.accelerators import Accelerators
from suanli.model.units import BASES
from suanli.registry.sheet.columns import COLUMNS, Column
from suanli.registry.sheet.grid import TITLE
from suanli.registry.sheet.layout import MAX_ROWS

HELP = "说明 help"
CATALOGUE = "目录 catalogue"
FIRST = 3
"""The first row under the headings."""
FORMATS = {"day": "yyyy-mm-dd", "count": "#,##0", "number": "General"}
"""Text elsewhere: else the spreadsheet program makes a date of `2024-03` and a number of `007`."""
_HEAD = PatternFill("solid", fgColor="1F4E79")
_PALE = PatternFill("solid", fgColor="EAF1F8")
_NEEDED = ("必填", "needed")
_ABOUT = (
    ("一行是台账的一条：哪个站点的哪个资源池，从何时起，处于什么阶段，多少设备或 PFLOPS，依据是什么。",
     "A row is one entry of the ledger: of which pool of which site, since when, of which stage, how much, "
     "by whose word."),
    ("填好后：suanli apply 文件.xlsx --dry-run 先看会改什么；去掉 --dry-run 即生效。要么全部生效，要么一项不改。",
     "Then `suanli apply FILE.xlsx --dry-run` shows what would change; without --dry-run it is made: all or nothing."),
    ("已登记的不会被删除或悄悄改写；要改已登记的容量，须写理由（更正、重新核定、退役）。",
     "What is recorded is neither deleted nor overwritten; to change it, give a reason (correction, re-rating, "
     "retirement)."),
    ("已登记的内容可以导出成同样的表：suanli export --xlsx 文件.xlsx。接口地址和口令不在表中，登记过的保持不变。",
     "`suanli export --xlsx FILE.xlsx` gives what is registered in this form. Addresses and secrets of sources are not "
     "in it; those registered stay."),
    ("表头可以换顺序，可以只留中文或英文；带 * 的必填。以 # 开头的行不读取；表下单独一格的文字也不读取。",
     "Headings may come in any order, in either language; those with * are needed. Rows that begin with # are not "
     "read, nor is a text alone in its row under the table."),
)  # fmt: skip


def new_book(catalogue: Accelerators) -> tuple[Workbook, Any]:
    """A workbook with the empty form, and its sheet of capacity."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = TITLE
    _headings(sheet)
    _help(book.create_sheet(HELP))
    _catalogue(book.create_sheet(CATALOGUE), catalogue)
    _choices(sheet, len(catalogue.rows))
    return book, sheet


def put(cell: Any, value: str | float | date, number_format: str) -> None:
    """Set a cell; text stays text, whatever it looks like."""
    cell.value = value
    cell.number_format = number_format
    if isinstance(value, str):
        cell.data_type = "s"


def add_example(sheet: Any) -> None:
    """Two rows that are not read: what each column wants, and an entry."""
    rows: list[list[object]] = [[_explained(column) for column in COLUMNS], [column.example for column in COLUMNS]]
    for row, texts in enumerate(rows):
        for place, text in enumerate(texts, 1):
            begins = "# " if place == 1 else ""
            cell = sheet.cell(FIRST + row, place)
            if text is not None:
                put(cell, f"{begins}{text}", "@")
            cell.font = Font(italic=True, color="7F7F7F")
            cell.alignment = Alignment(wrap_text=row == 0, vertical="top")


def _explained(column: Column) -> str:
    zh, en = _NEEDED if column.required else ("选填", "optional")
    chosen = "，从列表选 · choose" if column.words or column.key == "model" else ""
    form = {"day": "，日期 · a day", "count": "，整数 · whole", "number": "，数 · number"}.get(column.kind, "")
    return f"{zh} · {en}{form}{chosen}"


def _headings(sheet: Any) -> None:
    for place, column in enumerate(COLUMNS, 1):
        top, below = sheet.cell(1, place, column.zh + "*" * column.required), sheet.cell(2, place, column.key)
        top.font, top.fill = Font(bold=True, color="FFFFFF"), _HEAD
        below.font, below.fill = Font(color="595959"), _PALE
        letter = sheet.column_dimensions[get_column_letter(place)]
        letter.width, letter.number_format = column.width, FORMATS.get(column.kind, "@")
    sheet.freeze_panes = f"B{FIRST}"


def _choices(sheet: Any, models: int) -> None:
    for place, column in enumerate(COLUMNS, 1):
        formula = f'"{",".join(column.labels())}"' if column.words else None
        if column.key == "model":
            formula = f"'{CATALOGUE}'!$A$2:$A${models + 1}"
        if formula is not None:
            letter = get_column_letter(place)
            # A warning only: an alias of a model, or a word in one language, is right too.
            chosen = DataValidation(type="list", formula1=formula, allow_blank=True, errorStyle="warning")
            chosen.showErrorMessage = chosen.showInputMessage = True
            chosen.promptTitle, chosen.prompt = (
                f"{column.zh} {column.key}"[:32],
                f"{column.told[0]}\n{column.told[1]}"[:255],
            )
            chosen.add(f"{letter}{FIRST}:{letter}{MAX_ROWS}")
            sheet.add_data_validation(chosen)


def _help(sheet: Any) -> None:
    for row in _ABOUT:
        sheet.append([None, None, *row])
    sheet.append([])
    sheet.append(["列", "column", "说明", "explained", "可写的词", "words", _NEEDED[0], _NEEDED[1]])
    head = sheet.max_row
    for column in COLUMNS:
        words = ["、".join(column.words.values()), ", ".join(column.words)]
        needed = ["是", "yes"] if column.required else ["", ""]
        sheet.append([column.zh, column.key, *column.told, *words, *needed])
    for letter, width in zip("ABCDEFGH", (16, 14, 60, 70, 30, 40, 8, 8), strict=True):
        sheet.column_dimensions[letter].width = width
    for line in sheet.iter_rows():
        for cell in line:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.font = Font(bold=cell.row == head)


def _catalogue(sheet: Any, catalogue: Accelerators) -> None:
    peaks = [f"{basis} TFLOPS" for basis in BASES]
    sheet.append(["型号 model", "厂商 vendor", "名称 name", *peaks, "可信度 confidence", "出处 source"])
    for row in catalogue.rows:
        figures = [row.tflops.get(basis) for basis in BASES]
        sheet.append([row.id, row.vendor, row.name, *figures, row.confidence, row.source_url])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for letter, width in zip("ABCDEFGH", (32, 16, 34, 14, 14, 14, 18, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
