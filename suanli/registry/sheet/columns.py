"""The columns of the sheet: their headings in both languages, the words that they take, and what they mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Of = Literal["site", "pool", "entry", "note"]
"""What a column tells of; a note is not read."""
Kind = Literal["id", "text", "word", "day", "count", "number"]

STATUS = {"planned": "规划", "building": "在建", "operational": "运行", "maintenance": "维护", "retired": "退役"}
STAGE = {"planned": "规划", "built": "已建成", "retired": "退役"}
REASON = {
    "new": "新增",
    "repair-return": "修复返还",
    "retirement": "退役",
    "correction": "更正",
    "re-rating": "重新核定",
}
BASIS = {"fp16": "半精度", "fp32": "单精度", "fp64": "双精度"}

_FOLDED = re.compile(r"[\s_-]+")
_PARTS = re.compile(r"[/|()\n]+")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column. loc: its key within a site, a pool or an entry as a YAML file has it; words: English to Chinese."""

    key: str
    zh: str
    of: Of
    kind: Kind
    loc: tuple[str, ...]
    example: object
    told: tuple[str, str]
    """What it means, in Chinese and in English."""
    other: tuple[str, ...] = ()
    """Further headings by which it is known."""
    words: Mapping[str, str] = field(default_factory=dict)
    required: bool = False
    width: int = 14

    def labels(self) -> list[str]:
        """Its words as the form offers them: `built 已建成`."""
        return [f"{word} {zh}" for word, zh in self.words.items()]


COLUMNS = (
    Column(
        "site_id", "站点编号", "site", "id", ("id",), "szai-1",
        ("站点的编号，永不改变：小写字母、数字、连字符。每行都要写。以 # 开头的行不读取。",
         "The site's id, stable for ever: lower-case letters, digits, hyphens. In every row. A row that begins with # "
         "is not read."),
        ("site", "站点"), required=True, width=16,
    ),
    Column(
        "site_name", "站点名称", "site", "text", ("name",), "宿州智算一号",
        ("站点的名称。同一站点的各行可以重复，也可以只写在第一行；互相矛盾则拒绝。",
         "The site's name. A site's facts are repeated in each of its rows or left empty after the first one; rows "
         "that contradict each other are refused."),
        ("name", "名称"), required=True, width=22,
    ),
    Column(
        "province", "省份", "site", "text", ("province",), "安徽",
        ("站点所在省份。", "The province where the site is."), required=True, width=10,
    ),
    Column(
        "operator", "运营方", "site", "text", ("operator",), "示例运营方",
        ("谁在运营这个站点。", "Who runs the site."), ("运营单位",), required=True, width=20,
    ),
    Column(
        "status", "状态", "site", "word", ("status",), "operational 运行",
        ("站点的状态；不写即为运行。", "The site's status; operational where it is left empty."),
        ("站点状态",), words=STATUS, width=18,
    ),
    Column(
        "since", "启用日期", "site", "day", ("since",), None,
        ("此日之前站点不可能有已建成的算力；可不写。",
         "Nothing can have been built there before this day; may be left empty."),
    ),
    Column(
        "pool_id", "资源池编号", "pool", "id", ("id",), "a100",
        ("资源池的编号：站点内一种型号的设备。每行都要写。",
         "The pool's id: devices of one model in one site. In every row."),
        ("pool", "资源池"), required=True,
    ),
    Column(
        "model", "型号", "pool", "text", ("model",), "nvidia-a100-sxm4-80gb",
        ("设备型号：“目录 catalogue”表中的编号，或其别名。",
         "The model of the devices: an id of the sheet “目录 catalogue”, or one of its aliases."),
        ("设备型号",), required=True, width=28,
    ),
    Column(
        "basis", "精度", "pool", "word", ("basis",), "fp16 半精度",
        ("PFLOPS 按哪种精度计；不写即为 fp16。",
         "The precision that PFLOPS are counted in; fp16 where it is left empty."),
        ("精度口径",), words=BASIS,
    ),
    Column(
        "match_label", "匹配标签", "pool", "text", ("match", "label"), "gres",
        ("怎样在管理接口的回答里认出这个资源池：标签名。与匹配值同写或同不写。",
         "How the pool is told from others in the source's answer: a label. Given together with match_value."),
    ),
    Column(
        "match_value", "匹配值", "pool", "text", ("match", "value"), "a100",
        ("该标签的值。", "The value of that label."),
    ),
    Column(
        "from", "起始日期", "entry", "day", ("from",), "2024-09-01",
        ("本条自哪天起成立：日期；也可写 2024-09 或 2024年9月，即该月一日。",
         "Since when the entry is true: a day; 2024-09 or 2024年9月 is the first of that month."),
        ("起", "开始日期"), required=True,
    ),
    Column(
        "until", "截止日期", "entry", "day", ("until",), None,
        ("到哪天为止，不含当天；仍然有效则不写。要写到日。",
         "Until when, that day not included; empty where it still is. A whole day, not a month."),
        ("止", "结束日期"),
    ),
    Column(
        "stage", "阶段", "entry", "word", ("stage",), "built 已建成",
        ("规划、已建成或退役。", "Planned, built or retired."), words=STAGE, required=True,
    ),
    Column(
        "devices", "设备数", "entry", "count", ("devices",), 1024,
        ("设备台数，整数。与 PFLOPS 只写其一；PFLOPS 由目录的峰值算出。",
         "How many devices, a whole number. Either this or pflops; PFLOPS are worked out by the catalogue's peak."),
        ("卡数",),
    ),
    Column(
        "pflops", "算力(PFLOPS)", "entry", "number", ("pflops",), None,
        ("或直接写 PFLOPS，按上面的精度。", "Or the amount in PFLOPS, on the pool's basis."), ("算力",), width=16,
    ),
    Column(
        "source", "依据", "entry", "text", ("source",), "验收报告 2024-17",
        ("谁说的：文件及其编号。", "By whose word: the report and its number."), required=True, width=26,
    ),
    Column(
        "reason", "理由", "entry", "word", ("reason",), "new 新增",
        ("不写即为新增。要改已登记的容量，须写更正、重新核定或退役。",
         "New where it is left empty. To change what is recorded: correction, re-rating or retirement."),
        ("原因",), words=REASON, width=20,
    ),
    Column(
        "note", "备注", "note", "text", (), "此行是示例，不读取 · an example, not read",
        ("随意填写，不读取。", "Whatever you like; it is not read."), width=44,
    ),
)  # fmt: skip
BY_KEY = {column.key: column for column in COLUMNS}


def folded(text: str) -> str:
    """A heading or word as it is compared: full-width forms, case, spaces, hyphens and a final * do not matter."""
    return _FOLDED.sub("_", unicodedata.normalize("NFKC", text).strip().rstrip("*").strip().lower())


def column_named(text: str) -> Column | None:
    """The column with this heading; `站点编号 / site_id` is one too. None: there is none."""
    if (whole := _NAMES.get(folded(text))) is not None:
        return whole
    parts = _PARTS.split(unicodedata.normalize("NFKC", text))
    named = {_NAMES.get(folded(part)) for part in parts if part.strip()}
    return named.pop() if len(named) == 1 else None


_NAMES = {folded(name): column for column in COLUMNS for name in (column.key, column.zh, *column.other)}
