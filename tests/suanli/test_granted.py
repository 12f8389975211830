"""What is read and started here is given by config.yaml: whoever registers, by whichever way, only names it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.access import Principal, scopes_of
from suanli.model.audit import Author
from suanli.model.errors import InputError
from suanli.model.request import SitesRequest
from suanli.model.site import Site
from suanli.registering.asker import Asker
from suanli.registering.office import Office
from suanli.registry.polled import polled_site
from suanli.store.sql import Store
from tests.suanli.making import T0, Clock, a_pool, a_site, a_store, config
from tests.suanli.running import suanli
from tests.suanli.test_registering_cli import POOL, SITE, register

_PRINCIPAL = Principal("id-op", "op", scopes_of(["register:op"]))
OPERATOR = Asker(_PRINCIPAL, Author(actor=_PRINCIPAL.actor))
EXEC = {"kind": "exec", "settings": {"program": "cards"}}
FILE = {"kind": "file", "settings": {"path": "daily"}}
GIVEN: dict[str, Any] = {
    "folders": {"root": "/srv/drop/", "sites": {"b": "/mnt/b"}},
    "programs": {"cards": {"command": ["/opt/cards", "-a"], "sites": ["a"], "secrets": {"T": {"env": "CARDS"}}}},
}


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(clock=Clock(T0)) as made:
        yield made


def a_local(id_: str, source: dict[str, Any]) -> Site:
    return a_site(id_, a_pool(), source=source)


@pytest.mark.parametrize(("source", "lacks"), [(EXEC, "program cards"), (FILE, "folder")])
async def test_an_operator_over_http_has_nothing_read_or_started_that_is_not_given(
    store: Store, source: dict[str, Any], lacks: str
) -> None:
    site = a_local("a", source)
    for office, fine in ((Office(store, config()), False), (Office(store, config(**GIVEN)), True)):
        if fine:
            assert office.submit(OPERATOR, SitesRequest(sites=(site,)), dry_run=True)["changes"]
            continue
        with pytest.raises(InputError, match=rf"site a: source: config\.yaml gives this site no {lacks}"):
            office.submit(OPERATOR, SitesRequest(sites=(site,)))
        with pytest.raises(InputError, match=rf"site a: source: config\.yaml gives this site no {lacks}"):
            await office.probe(OPERATOR, site)


async def test_a_program_is_given_to_its_sites_only(store: Store) -> None:
    with pytest.raises(InputError, match="gives this site no program cards"):
        await Office(store, config(**GIVEN)).probe(OPERATOR, a_local("b", EXEC))


async def test_a_probe_of_tables_shows_them_and_moves_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a" / "daily" / "t.csv"
    file.parent.mkdir(parents=True)
    file.write_text("at,online_devices,used_devices\n2026-11-24,10,4\n")
    os.utime(file, (T0 - 60, T0 - 60))
    office = Office(store, config(folders={"root": str(tmp_path)}))

    found = await office.probe(OPERATOR, a_local("a", FILE | {"max_age": "100y"}))

    assert (found["result"], found["pools"][0]["found_devices"]) == ("ok", 10)
    assert os.listdir(file.parent) == ["t.csv"]


def polled(id_: str, settings: Config) -> tuple[str | None, list[str]]:
    site = polled_site(a_local(id_, FILE), settings.polling, load_accelerators())
    assert site is not None
    return site.grants.folder, [program.name for program in site.grants.programs]


def test_what_each_site_is_given() -> None:
    settings = config(**GIVEN)
    assert polled("a", settings) == ("/srv/drop/a", ["cards"])
    assert polled("b", settings) == ("/mnt/b", [])
    assert polled("a", config()) == (None, [])
    (program,) = settings.grants("a").programs
    assert program.command == ("/opt/cards", "-a")
    assert [(name, ref.env) for name, ref in program.secrets] == [("T", "CARDS")]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"folders": {"root": "drop"}}, "folders.root"),
        ({"programs": {"cards": {"command": "cards -a", "sites": ["a"]}}}, "programs.cards.command"),
        ({"programs": {"cards": {"command": [], "sites": ["a"]}}}, "programs.cards.command"),
        ({"programs": {"cards": {"command": ["/opt/cards"]}}}, "programs.cards.sites"),
        ({"programs": {"cards": {"command": ["/c"], "sites": ["a"], "secrets": {"T": "s3cret"}}}}, "secrets.T"),
        ({"programs": {"cards": {"command": ["/c"], "sites": ["a"], "secrets": {"A=B": {"env": "X"}}}}}, "secrets"),
    ],
)
def test_a_wrong_grant_is_told_with_its_key(tmp_path: Path, wrong: dict[str, Any], place: str) -> None:
    (tmp_path / "config.yaml").write_text(json.dumps(wrong), encoding="utf-8")
    done = suanli(tmp_path, "config", "check")
    assert (done.code, place in done.err, "s3cret" in done.err) == (2, True, False), done.err


def test_a_site_of_tables_is_registered_from_a_terminal_without_a_url(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(json.dumps({"folders": {"root": str(tmp_path)}}), encoding="utf-8")
    done = register(tmp_path, *SITE, *POOL, "--kind", "file", "--setting", "path=daily")
    assert done.code == 0, done.err
    refused = register(tmp_path, *SITE, "--kind", "file", "--url", "http://10.0.0.1", id_="wh-2")
    assert (refused.code, "kind file is not asked over HTTP: leave this out" in refused.err) == (2, True)
    missing = register(tmp_path, *SITE, "--kind", "slurm", id_="wh-2")
    assert (missing.code, "--url: is needed where nobody can be asked" in missing.err) == (2, True)
