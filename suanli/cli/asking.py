"""`suanli collect`: ask one site now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.case_words import refuse_case, write_case
from suanli.cli.context import given, say
from suanli.cli.language import _, in_words, of
from suanli.cli.output import pflops, print_json, print_table
from suanli.cli.trail_words import print_trail, trail_as_json
from suanli.model.errors import InputError, Problem, Unavailable
from suanli.model.message import Message

if TYPE_CHECKING:
    from collectors.exchange import Exchange
    from suanli.app import Signal
    from suanli.model.polled import PolledPool, PollOutcome


_FROM_HERE = Message("a site is asked from this machine")
"""Why no server does this."""


def collect(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="the site's id")],
    json: Annotated[bool, typer.Option("--json", help="for a program")] = False,
    record: Annotated[bool, typer.Option("--record", help="also keep the samples")] = False,
    record_case: Annotated[
        Path | None, typer.Option("--record-case", metavar="DIR", help="write what came, scrubbed, as a test case")
    ] = None,
    cross_check: Annotated[bool, typer.Option("--cross-check", help="ask its second signal instead")] = False,
) -> None:
    """Ask one site now, through the same code as the poller; shows the way from devices to PFLOPS, keeps nothing."""
    import asyncio

    from suanli.app import collect_once
    from suanli.app import polled as sites_polled
    from suanli.registry.polled import is_pushed

    trail: list[Exchange] = []
    with given(context).opened(_FROM_HERE) as (config, store):
        if not cross_check and any(item.site.id == site and is_pushed(item.site) for item in store.registry):
            raise InputError(Problem(Message("{site} is of kind push: nobody asks it, its samples come", site=site)))
        signal: Signal = "cross_check" if cross_check else "source"
        asked = sites_polled(store, config, signal)
        refuse_case(record_case, asked, site)
        outcomes = asyncio.run(collect_once(store, config, only=site, record=record, signal=signal, note=trail.append))
        pools = {pool.id: pool for one in asked if one.id == site for pool in one.pools}
        registry = store.registry
        if not outcomes:
            polled = ", ".join(item.site.id for item in store.registry if getattr(item.site, signal)) or "none yet"
            raise InputError(
                Problem(
                    Message(
                        "no site {site!r} to ask; sites with a {signal}: {polled}",
                        site=site,
                        signal=signal,
                        polled=polled,
                    )
                )
            )
    outcome = outcomes[0]
    if json:
        print_json(_as_json(outcome, trail, pools))
    else:
        print_trail(trail, outcome.samples, pools)
        if outcome.result == "ok":
            print_samples(outcome)
    if record_case is not None and outcome.result == "ok":
        write_case(record_case, registry, asked, trail, outcome)
    if outcome.result == "unreachable":
        raise Unavailable(Message("{site}: {reason}", site=site, reason=outcome.reason))
    if outcome.result != "ok":
        say(f"suanli: {site}: {outcome.result}: {in_words(outcome.reason)}")
        raise SystemExit(1)


def _as_json(outcome: PollOutcome, trail: list[Exchange], pools: dict[str, PolledPool]) -> dict[str, Any]:
    samples = [sample.model_dump() for sample in outcome.samples]
    keys = ("site", "at", "result", "seconds", "reason")
    said = {key: getattr(outcome, key) for key in keys}
    return said | {"trail": trail_as_json(trail, outcome.samples, pools), "samples": samples}


def print_samples(outcome: PollOutcome) -> None:
    """The way from devices to PFLOPS."""
    rows = [
        [
            sample.pool,
            _count(sample.online_devices),
            _count(sample.used_devices),
            pflops(sample.online_pflops),
            pflops(sample.used_pflops),
            sample.quality,
            sample.reason,
        ]
        for sample in outcome.samples
    ]
    columns = [_("pool"), _("devices online "), _("devices used "), _("online "), _("used "), _("quality")]
    print_table([*columns, of("quarantine", "reason")], rows)


def _count(devices: float | None) -> str:
    return "" if devices is None else f"{devices:g}"
