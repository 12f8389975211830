"""The registry as a file: read with every mistake named, and written back as `suanli apply` reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict

from suanli.catalog.accelerators import Accelerators, unlisted_text
from suanli.model.capacity import instant
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message, message_of
from suanli.model.site import Pool, Site
from suanli.model.yamlfile import Loc, YamlFile
from suanli.registry.ledger import LedgerError, entries_of
from suanli.registry.sheet.guard import is_sheet

if TYPE_CHECKING:
    from suanli.registry.sheet.file import SheetFile


class SitesFile(BaseModel):
    """A file of sites: `sites: [...]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    sites: list[Site]


Faults = Callable[[Site], list[tuple[Loc, str]]]
"""What else is wrong with a site: places within it, and messages."""


def no_faults(_site: Site) -> list[tuple[Loc, str]]:
    """For those who know no kinds of source."""
    return []


def read_sites(
    paths: Iterable[Path],
    zone: ZoneInfo,
    catalogue: Accelerators,
    faults: Faults = no_faults,
    registered: Mapping[str, Site] | None = None,
    told: Callable[[str], None] = lambda _line: None,
) -> list[Site]:
    """All sites of these files, YAML or spreadsheets; an InputError lists every problem of every file.

    registered: the sites of the registry, by id: a spreadsheet has no sources, so theirs stay. told: is given lines of
    what a person should know of a spreadsheet, such as rows that were not read.
    """
    sites: list[Site] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            file = opened(path, catalogue)
        except InputError as error:
            problems += error.problems
            continue
        found, wrong = _of_yaml(file) if isinstance(file, YamlFile) else _of_sheet(file, registered or {}, told)
        problems += wrong + _twice(file, found, {site.id for site in sites})
        for index, site in found.items():
            problems += _check(file, index, site, zone, catalogue)
            problems += [file.problem(("sites", index, *loc), message) for loc, message in faults(site)]
        sites += found.values()
    if problems:
        raise InputError(problems)
    return sites


def opened(path: Path, catalogue: Accelerators) -> YamlFile | SheetFile:
    """The file as it was written; an InputError where it cannot be read at all."""
    if not is_sheet(path):
        return YamlFile.read(path)
    # Only who gives a spreadsheet waits for its libraries.
    from suanli.registry.sheet.file import SheetFile

    return SheetFile.read(path, catalogue)


def _of_yaml(file: YamlFile) -> tuple[dict[int, Site], list[Problem]]:
    try:
        return dict(enumerate(file.load(SitesFile).sites)), []
    except InputError as error:
        return {}, list(error.problems)


def _of_sheet(
    file: SheetFile, registered: Mapping[str, Site], told: Callable[[str], None]
) -> tuple[dict[int, Site], list[Problem]]:
    found, wrong = file.sites()
    for line in file.told:
        told(line)
    return {index: _with_sources(site, registered.get(site.id)) for index, site in found.items()}, wrong


def _with_sources(site: Site, registered: Site | None) -> Site:
    if registered is None:
        return site
    return site.model_copy(update={"source": registered.source, "cross_check": registered.cross_check})


def _twice(file: YamlFile | SheetFile, found: Mapping[int, Site], before: set[str]) -> list[Problem]:
    seen = set(before)
    problems = []
    for index, site in found.items():
        if site.id in seen:
            problems.append(file.problem(("sites", index, "id"), Message("site {site} is listed twice", site=site.id)))
        seen.add(site.id)
    return problems


def _check(
    file: YamlFile | SheetFile, index: int, site: Site, zone: ZoneInfo, catalogue: Accelerators
) -> list[Problem]:
    return [
        problem
        for place, pool in enumerate(site.pools)
        for problem in _check_pool(
            file, ("sites", index, "pools", place), pool, zone, catalogue, first_second(site, zone)
        )
    ]


def first_second(site: Site, zone: ZoneInfo) -> int:
    """From when on the site exists, in UTC seconds; 0 where nobody says."""
    return 0 if site.since is None else instant(site.since, zone)


def _check_pool(
    file: YamlFile | SheetFile, loc: Loc, pool: Pool, zone: ZoneInfo, catalogue: Accelerators, since: int
) -> list[Problem]:
    if catalogue.find(pool.model) is None:
        return [file.problem((*loc, "model"), unlisted_text(pool.model, catalogue))]
    try:
        entries_of(pool, zone, catalogue, since)
    except LedgerError as fault:
        return [file.problem((*loc, "capacity", fault.index), message_of(fault))]
    return []


def write_sites(sites: Iterable[Site]) -> str:
    """YAML that `read_sites` reads back to the same sites."""
    rows = [_row(site) for site in sites]
    return yaml.safe_dump({"sites": rows}, allow_unicode=True, sort_keys=False, width=120)


def _row(site: Site) -> dict[str, Any]:
    row = site.model_dump(by_alias=True, exclude_defaults=True)
    listed: dict[str, Any] = _listed(row)
    return listed | {"status": site.status}


def _listed(value: Any) -> Any:
    """Tuples become lists: YAML knows no others."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value
