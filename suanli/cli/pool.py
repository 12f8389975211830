"""`suanli pool`: the pools, and where they belong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.desk import at_desk
from suanli.cli.language import _, in_words
from suanli.cli.moments import as_options
from suanli.cli.output import pflops, print_json, print_table
from suanli.cli.registering import add_pool
from suanli.cli.site_options import Reason

if TYPE_CHECKING:
    from suanli.config import Config
    from suanli.model.request import MoveRequest

pool = typer.Typer(name="pool", help="Pools of devices, and to which site they belong.", no_args_is_help=True)
_Json = Annotated[bool, typer.Option("--json", help="for a program; unknown is null")]


@pool.command("list")
def list_pools(context: typer.Context, json: _Json = False) -> None:
    """Every pool as it is now: its site, model, basis, what of it is planned and built, since when it belongs there."""
    with at_desk(given(context)) as desk:
        rows = desk.pools()
    if json:
        print_json({"pools": rows})
        return
    print_table(
        [_("site"), _("pool"), _("model"), _("basis"), _("planned "), _("built "), _("since")],
        [_row(one) for one in rows],
    )


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
    from suanli.cli.reading import day_or_time, made, pool_of
    from suanli.model.request import MoveRequest

    site, id_ = pool_of(which)
    asked = {"site": site, "pool": id_, "to": to, "as": as_id, "from": day_or_time("--from", since), "reason": reason}
    request = made(MoveRequest, asked)
    with at_desk(given(context)) as desk, as_options():
        config, answer = desk.config, desk.submit(request, dry_run=dry_run)
    if json:
        print_json(answer | {"applied": answer["state"] == "applied"})
        return
    _tell(request, answer, config)


def _tell(request: MoveRequest, answer: dict[str, Any], config: Config) -> None:
    from suanli.cli.capacity_words import state_told
    from suanli.model.capacity import instant

    print("\n".join(map(in_words, answer["changes"])))
    if instant(request.since, config.zone) < time.time():
        say(_("the move reaches into the past: figures of both sites change for that time (as published: --as-of)"))
    source = _("from then on the source of {site} must name pool {pool}; samples under the old name are left out")
    say(source.format(site=request.to, pool=request.as_id or request.pool))
    if answer["state"] == "pending":
        say(state_told(answer))
    else:
        say(_("would be moved") if answer["state"] == "tried" else _("moved"))


def _row(one: dict[str, Any]) -> list[str]:
    amounts = [pflops(one[name]) for name in ("planned_pflops", "built_pflops")]
    return [one["site"], one["pool"], one["model"], one["basis"], *amounts, one["since"] or ""]


pool.command("add")(add_pool)
