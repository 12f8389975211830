"""`suanli import`: history from files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suanli.cli.context import given, say
from suanli.cli.language import _, in_words
from suanli.cli.output import print_json
from suanli.model.message import Message

if TYPE_CHECKING:
    from suanli.model.sample import Sample


_FILES = Message("files are read where they lie, into the store beside them")
"""Why no server does this."""


def import_history(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, JSON or .xlsx files")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only read and check; record nothing")] = False,
    json: Annotated[bool, typer.Option("--json", help="for a program")] = False,
) -> None:
    """Record history from files: all or nothing, twice is once.

    CSV with a header, a JSON list of objects, one JSON object a line, or a sheet of .xlsx; UTF-8 or GB18030. Columns:

    site, pool: as registered. at: ISO 8601 (without an offset: in the configured time zone) or whole UTC seconds.

    Any of online_pflops, used_pflops, busy_pflops, online_devices, used_devices, busy_devices. Devices become PFLOPS
    by the catalogue's peak, unless the row gives these PFLOPS too. An empty cell is unknown, which is not 0.

    Optional: max_age, for how long a row's word holds when no later one comes, such as 1h (else the site's own);
    quality: ok, estimated or declared (else declared); reason: a remark.

    Anything wrong is told with file, line and column, and then nothing at all is recorded.
    """
    from suanli.catalog.accelerators import load_accelerators
    from suanli.importing.samples import read_samples
    from suanli.registry.polled import max_age_of

    options = given(context)

    def told(text: str) -> None:
        if not options.quiet:
            say(in_words(text))

    with options.opened(_FILES) as (config, store):
        defaults, now = config.poll.defaults, int(time.time())
        samples = read_samples(
            files, store.registry, load_accelerators(), config.zone, now, lambda site: max_age_of(site, defaults), told
        )
        kept = 0 if dry_run else store.append(samples)
    answer = _answer(samples) | {"kept": kept, "dry_run": dry_run}
    if json:
        print_json(answer)
    else:
        print(_told(answer))


def _answer(samples: list[Sample]) -> dict[str, Any]:
    """How many rows of how many pools, and from when to when (None of no rows)."""
    from suanli.answers import iso

    times = [sample.at for sample in samples]
    return {
        "rows": len(samples),
        "pools": len({(sample.site, sample.pool) for sample in samples}),
        "from": iso(min(times)) if times else None,
        "to": iso(max(times)) if times else None,
    }


def _told(answer: dict[str, Any]) -> str:
    if not answer["rows"]:
        return _("no rows: nothing to import")
    recorded = _("{rows} rows of {pools} pools, from {from} to {to}: recorded")
    told = _("{rows} rows of {pools} pools, from {from} to {to}: would be recorded") if answer["dry_run"] else recorded
    return told.format_map(answer | {"rows": f"{answer['rows']:,}", "pools": f"{answer['pools']:,}"})
