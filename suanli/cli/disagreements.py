"""`suanli disagreements`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.moments import moment
from suanli.cli.output import percent, pflops, print_json, print_table

_WORDS: dict[str, Any] = {
    "zh": {
        "columns": ["站点", "资源池", "层级", "数据源 ", "第二信号 ", "差值 ", "相差 "],
        "rungs": {"online": "上线", "used": "使用", "busy": "忙碌"},
        "nothing": "此刻没有两路信号都有报数的站点（站点的 cross_check 可登记第二信号）",
    },
    "en": {
        "columns": ["site", "pool", "rung", "source ", "second signal ", "difference ", "apart "],
        "rungs": {"online": "online", "used": "used", "busy": "busy"},
        "nothing": "no site of which two signals are heard (a site's cross_check names its second one)",
    },
}


def disagreements(
    context: typer.Context,
    at: Annotated[str | None, typer.Option("--at", help="instant (2026-11-24T08:00Z); now when left out")] = None,
    as_of: Annotated[str | None, typer.Option(help="only what had been recorded by then")] = None,
    json: Annotated[bool, typer.Option("--json", help="for a program; unknown is null")] = False,
) -> None:
    """How far the second signal of each rung lies from the source, where a site has one (`cross_check`).

    The rates are made of the source alone; a pool that is a tenth apart for six hours is marked as suspect.
    """
    with at_desk(given(context)) as desk:
        config = desk.config
        times = moment("--at", at, config.zone), moment("--as-of", as_of, config.zone)
        answer = desk.comparing.disagreements(*times)
    if json:
        print_json(answer)
    elif answer["disagreements"]:
        _print(answer["disagreements"], config.language)
    else:
        say(_WORDS[config.language]["nothing"])


def _print(rows: list[dict[str, Any]], language: str) -> None:
    words = _WORDS[language]
    print_table(
        words["columns"],
        [
            [
                row["site"],
                row["pool"],
                words["rungs"][row["rung"]],
                *(pflops(row[name], language) for name in ("source_pflops", "second_pflops", "disagreement_pflops")),
                percent(0.0 if row["disagreement_ratio"] is None else row["disagreement_ratio"], language),
            ]
            for row in rows
        ],
    )
