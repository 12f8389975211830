"""`suanli pool`: the pools, and where they belong."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.output import pflops, print_json, print_table
from suanli.cli.registering import add_pool
from suanli.cli.site_options import Reason

pool = typer.Typer(name="pool", help="Pools of devices, and to which site they belong.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program; unknown is null")]
_WORDS = {
    "en": {
        "columns": ["site", "pool", "model", "basis", "planned ", "built ", "since"],
        "made": "moved",
        "tried": "would be moved",
        "source": "from then on the source of {site} must name pool {pool}; samples under the old name are left out",
        "late": "the move reaches into the past: figures of both sites change for that time (as published: --as-of)",
    },
    "zh": {
        "columns": ["站点", "资源池", "型号", "精度", "规划 ", "已建成 ", "起"],
        "made": "已迁移",
        "tried": "将迁移",
        "source": "此后 {site} 的接口须报出该资源池：{pool}；以旧名报来的样本不再记录",
        "late": "本次迁移回溯到过去：两个站点当时的数字随之改变（公布时的数字：--as-of）",
    },
}


@pool.command("list")
def list_pools(context: typer.Context, json: _Json = False) -> None:
    """Every pool as it is now: its site, model, basis, what of it is planned and built, since when it belongs there."""
    from suanli.listing import pool_rows

    with given(context).opened() as (config, store):
        rows = pool_rows(store)
    if json:
        print_json({"pools": rows})
        return
    print_table(_WORDS[config.language]["columns"], [_row(one, config.language) for one in rows])


@pool.command("move")
def move(
    context: typer.Context,
    which: Annotated[str, typer.Argument(metavar="SITE/POOL", help="as it is named before the move")],
    to: Annotated[str, typer.Option("--to", help="the site it goes to; its own to give it another id")],
    since: Annotated[str, typer.Option("--from", help="since when it belongs there: a day (its midnight) or a time")],
    as_id: Annotated[str | None, typer.Option("--as", help="its id there; the same when left out")] = None,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
    json: _Json = False,
) -> None:
    """A pool belongs to another site from a day on. Its capacity, its samples and its history go with it.

    Figures of the time before stay with the site that had it; no sum changes at any instant.

    From then on samples come from the new site: its source must have this pool in its answer, under the new id and by
    the pool's own match. What the old site's source still says of it is left out, as of any pool that is not
    registered. Between the two the pool is unheard: unknown once its last word is too old. History that is imported
    later is given under the new name, also of the time before.

    Files of sites are to be changed too: one that still lists the pool at the old site would register a new pool there
    (`suanli export` writes them as they are).

    To split a pool, apply a file with a new pool from a day on and, for the old one, an entry with the rest from the
    same day on.
    """
    from suanli.cli.reading import day_or_time, pool_of
    from suanli.model.audit import local_author
    from suanli.model.capacity import instant
    from suanli.registering.moves import planned_move

    (site, id_), author = pool_of(which), local_author(reason)
    with given(context).opened() as (config, store):
        effective, now = instant(day_or_time("--from", since), config.zone), store.now
        changes = planned_move(store, site, id_, to, as_id or id_, effective, config)
        if not dry_run:
            store.apply(changes, now, author=author)
    texts = [change.text for change in changes]
    if json:
        print_json({"changes": texts, "applied": not dry_run})
        return
    words = _WORDS[config.language]
    print("\n".join(texts))
    if effective < now:
        say(str(words["late"]))
    say(str(words["source"]).format(site=to, pool=as_id or id_))
    say(str(words["tried" if dry_run else "made"]))


def _row(one: dict[str, Any], language: str) -> list[str]:
    amounts = [pflops(one[name], language) for name in ("planned_pflops", "built_pflops")]
    return [one["site"], one["pool"], one["model"], one["basis"], *amounts, one["since"] or ""]


pool.command("add")(add_pool)
