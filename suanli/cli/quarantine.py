"""`suanli quarantine`: what was held at the entrance, refused by sinks, or found in the history."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.moments import as_options
from suanli.cli.output import print_json, print_table

quarantine = typer.Typer(name="quarantine", help="What is held back or doubted.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="12, finding-3 or sink-4, as listed")]
_COLUMNS = ("id", "kind", "site", "pool", "at", "check", "reason")
_WORDS = {
    "zh": {
        "columns": ["编号", "类别", "站点", "资源池", "时间", "检查", "原因"],
        "kind": {"sample": "样本", "figure": "单个数值", "sink": "下游拒收", "finding": "历史发现"},
        "released": "（{at} 由 {by} 放行）",
        "nothing": "隔离区为空",
        "more": "还有更多：用 --limit 调整条数",
        "would": "将放行：",
        "done": "已放行：",
        "why": "检查内容",
        "told": "原始内容",
        "names": {
            "site": "站点", "pool": "资源池", "at": "时间", "until": "截至", "check": "检查", "reason": "原因",
            "recorded_at": "记录时间", "released_at": "放行时间", "released_by": "放行人",
        },
    },
    "en": {
        "columns": list(_COLUMNS),
        "kind": {one: one for one in ("sample", "figure", "sink", "finding")},
        "released": " (released {at} by {by})",
        "nothing": "nothing is held",
        "more": "there are more: see --limit",
        "would": "would release: ",
        "done": "released: ",
        "why": "the check",
        "told": "as it came",
        "names": {},
    },
}  # fmt: skip


@quarantine.command("list")
def list_held(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="only of this site")] = None,
    check: Annotated[str | None, typer.Option(help="only of this check, such as unit, sink or constant")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also what is released or over")] = False,
    limit: Annotated[int, typer.Option(min=1, help="so many of each kind, the newest")] = 100,
    json: _Json = False,
) -> None:
    """Samples and figures held at the entrance, points that sinks refused, and findings about the history."""
    from suanli.model.where import Where

    with at_desk(given(context)) as desk, as_options():
        config = desk.config
        rows = desk.held.listed(Where(site), check, everything=everything, limit=limit)
    if json:
        print_json({"quarantine": rows})
    else:
        _print_rows(rows, config.language, limit)


@quarantine.command("show")
def show(context: typer.Context, id_: _Id, json: _Json = False) -> None:
    """One of them in full: what came, when, and what the check looks for."""
    with at_desk(given(context)) as desk:
        row, config = desk.held.one(id_), desk.config
    if json:
        print_json(row)
    else:
        _print_row(row, config.language)


@quarantine.command("release")
def release(
    context: typer.Context,
    id_: _Id,
    by: Annotated[
        str | None, typer.Option(help="who answers for it, kept with the sample; you yourself when left out")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would be recorded")] = False,
    json: _Json = False,
) -> None:
    """Record a held sample after all, as suspect; from then on it counts. It replaces what its slot has since got."""
    with at_desk(given(context)) as desk, as_options():
        config, answer = desk.config, desk.held.release(id_, by, dry_run=dry_run)
    if json:
        print_json(answer)
    else:
        words = _WORDS[config.language]
        print(f"{words['would' if dry_run else 'done']}{json_text.dumps(answer['sample'], ensure_ascii=False)}")


def _print_rows(rows: list[dict[str, Any]], language: str, limit: int) -> None:
    words: Any = _WORDS[language]
    if not rows:
        say(words["nothing"])
        return
    print_table(words["columns"], [[_cell(row, column, words) for column in _COLUMNS] for row in rows])
    kinds = [row["kind"] for row in rows]
    held = sum(kind in ("sample", "figure") for kind in kinds)
    if max(held, kinds.count("sink"), kinds.count("finding")) >= limit:
        say(words["more"])


def _cell(row: dict[str, Any], column: str, words: Any) -> str:
    if column == "kind":
        return str(words["kind"][row["kind"]])
    text = str(row[column] or "")
    if column == "at" and row["until"]:
        text += f" – {row['until']}"
    if column == "reason" and row["released_at"]:
        text += words["released"].format(at=row["released_at"], by=row["released_by"])
    return text


def _print_row(row: dict[str, Any], language: str) -> None:
    words: Any = _WORDS[language]
    print(f"{row['id']}: {words['kind'][row['kind']]}")
    for name in ("site", "pool", "at", "until", "check", "reason", "recorded_at", "released_at", "released_by"):
        if row[name] is not None:
            print(f"  {words['names'].get(name, name)}: {row[name]}")
    print(f"  {words['why']}: {row['why_zh' if language == 'zh' else 'why']}")
    if row["told"] is not None:
        print(f"  {words['told']}: {json_text.dumps(row['told'], ensure_ascii=False)}")
