"""Kinds of source of other distributions: found by their entry points, and what is wrong with one touches no other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import collectors.registry
from collectors.base import Collector, Refused
from collectors.plugins import GROUP, Kinds
from collectors.registry import REGISTRY, build, check_source
from collectors.slurm.collector import SlurmCollector
from suanli.model.site import Site, Source
from tests.collectors.cases import NO_HTTP, NOW, cases

GOOD = """
from typing import ClassVar
from collectors.base import Settings
class Own(Settings):
    hall: int = 1
class Good:
    Settings: ClassVar[type[Settings]] = Own
    def __init__(self, site, settings, http): self.site = site
    async def collect(self, now): return []
class Fussy(Good):
    def __init__(self, site, settings, http): raise RuntimeError("not today")
class Plain: ...
class Late(Good):
    def collect(self, now): return []
"""
Install = Callable[..., Kinds]
BUILT_IN: dict[str, type[Collector]] = {"slurm": SlurmCollector}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Distributions on the path, each with these entry points; the kinds that there are then."""
    (tmp_path / "good_one.py").write_text(GOOD)
    (tmp_path / "broken_one.py").write_text("import no_such_module_anywhere")
    (tmp_path / "leaving_one.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)

    def installed(**distributions: str) -> Kinds:
        for name, points in distributions.items():
            folder = tmp_path / f"{name}-1.0.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n")
        kinds = Kinds(BUILT_IN, lambda: list(entry_points(group=GROUP)))
        monkeypatch.setattr(collectors.registry, "REGISTRY", kinds)
        return kinds

    yield installed
    for name in ("good_one", "broken_one", "leaving_one"):
        sys.modules.pop(name, None)


def a_site(kind: str, **settings: object) -> Site:
    source = Source(kind=kind, url="https://racks.example", settings=dict(settings))
    return Site(id="s", name="s", province="p", operator="o", source=source)


def told(kind: str, **settings: object) -> list[str]:
    return [str(problem) for problem in check_source(a_site(kind, **settings))]


async def refusal(kind: str, **settings: object) -> str:
    site = replace(cases("slurm")[0].site, source=Source(kind=kind, url="https://x.example", settings=dict(settings)))
    with pytest.raises(Refused) as caught:
        await build(site, NO_HTTP).collect(NOW)
    return str(caught.value)


async def test_a_plug_in_is_a_kind_like_any_other_and_is_loaded_when_it_is_used(install: Install) -> None:
    kinds = install(racks="good = good_one:Good")

    assert sorted(kinds) == ["good", "slurm"]
    assert len(kinds) == 2
    assert "good" in kinds
    assert "good_one" not in sys.modules
    assert told("good", hall=2) == []
    assert "good_one" in sys.modules
    assert told("good", hal=2) == ["site s: source.settings.hal: unknown key; did you mean hall?"]
    assert told("god") == ["site s: source.kind: god: unknown kind of source; known: good, slurm"]
    site = replace(cases("slurm")[0].site, source=Source(kind="good", url="https://x.example"))
    assert await build(site, NO_HTTP).collect(NOW) == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("broken_one:X", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("leaving_one:X", "cannot be loaded: SystemExit: 3"),
        ("good_one:Missing", "cannot be loaded: AttributeError: module 'good_one' has no attribute 'Missing'"),
        ("no_such_module_here:X", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("good_one:Plain", "is no Collector as collectors/base.py describes it"),
        ("good_one:Late", "is no Collector as collectors/base.py describes it"),
        ("good_one:GOOD", "cannot be loaded"),
    ],
)
async def test_a_broken_plug_in_is_told_by_its_name_and_breaks_no_other(
    install: Install, target: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    kinds = install(racks=f"bad = {target}\ngood = good_one:Good")

    (problem,) = told("bad")
    assert problem.startswith(f"site s: source.kind: bad: plug-in racks 1.0 ({target}) {why}")
    assert (await refusal("bad")).startswith(f"bad: plug-in racks 1.0 ({target}) {why}")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]  # once, not at every poll
    assert "bad" in caplog.records[0].getMessage()
    assert told("good") == []
    assert kinds["slurm"] is SlurmCollector


def test_a_built_in_kind_stays_what_it_is(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    kinds = install(racks="slurm = good_one:Good\ngood = good_one:Good")

    assert kinds["slurm"] is SlurmCollector
    assert sorted(kinds) == ["good", "slurm"]
    assert caplog.messages == [
        "plug-in racks 1.0 (good_one:Good) is not used: slurm is a kind that is built in",
    ]


async def test_a_name_that_two_claim_is_neithers(install: Install) -> None:
    kinds = install(racks="good = good_one:Good\nother = good_one:Good", towers="good = good_one:Fussy")

    why = "good: claimed by both racks 1.0 (good_one:Good) and towers 1.0 (good_one:Fussy): uninstall one of them"
    assert told("good") == [f"site s: source.kind: {why}"]
    assert await refusal("good") == why
    assert sorted(kinds) == ["other", "slurm"]
    assert told("other") == []


def test_a_name_that_no_kind_can_have_is_told(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    assert sorted(install(racks="Bad-Name = good_one:Good")) == ["slurm"]
    assert "'Bad-Name' is no name of a kind" in caplog.text


async def test_a_site_whose_kind_has_gone_or_changed_is_refused_and_ends_nothing(install: Install) -> None:
    install(racks="good = good_one:Good\nfussy = good_one:Fussy")

    assert (await refusal("gone")).startswith("gone: unknown kind of source; known: fussy, good, slurm")
    assert (await refusal("good", hall="x")).startswith("good cannot be set up: ValidationError: 1 validation error")
    assert await refusal("fussy") == "fussy cannot be set up: RuntimeError: not today"


def test_here_every_kind_is_built_in() -> None:
    assert type(REGISTRY) is Kinds
    assert set(REGISTRY) >= {"slurm", "file", "exec"}
