"""Every kind of source: its sample, its README, what its settings take, and what it needs here or elsewhere."""

from __future__ import annotations

import pytest
import yaml

from collectors.registry import REGISTRY, build, check_source, grant_faults
from suanli.model.grants import Grants, Program
from suanli.model.site import Site
from tests.collectors.cases import NOW, always, cases, collector_of, polled, registered
from tests.collectors.contract import KINDS, SOURCES, every_http_kind, every_kind, every_local_kind


@every_kind
def test_the_sample_can_be_applied(kind: str) -> None:
    for site in registered(SOURCES / kind / "sample.yaml"):
        assert site.source is not None
        assert site.source.kind == kind
        assert check_source(site) == []
        build(polled(site), always(None))


@every_kind
def test_the_readme_names_every_setting_and_what_an_operator_must_know(kind: str) -> None:
    text = (SOURCES / kind / "README.md").read_text(encoding="utf-8")

    for setting in REGISTRY[kind].Settings.model_fields:
        assert f"`{setting}`" in text, setting
    for heading in ("Asks", "Permissions", "Counts", "When it fails", "Proven"):
        assert f"\n## {heading}\n" in text, heading
    for case in cases(kind):
        assert case.folder.name in text, case.folder.name


@every_kind
def test_the_readme_of_all_tells_how_each_kind_was_proven(kind: str) -> None:
    text = (SOURCES.parent / "README.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith(f"| [`{kind}`](collectors/{kind}/README.md) |"))
    proven = row.split("|")[3]

    made = ["from a model" in (case.folder / "PROVENANCE.md").read_text(encoding="utf-8") for case in cases(kind)]
    assert ("no real one" in proven) == all(made), "answers made from a model must be told as such"


def _with(kind: str, **changed: object) -> Site:
    site = registered(SOURCES / kind / "sample.yaml")[0]
    assert site.source is not None
    kept = site.source.settings | changed
    return site.model_copy(update={"source": site.source.model_copy(update={"settings": kept})})


@every_kind
def test_an_unknown_setting_is_told_with_the_nearest_one(kind: str) -> None:
    for known in REGISTRY[kind].Settings.model_fields:
        problems = check_source(_with(kind, **{known + "x": 1}))

        assert [problem.message for problem in problems] == [f"unknown key; did you mean {known}?"]
        assert problems[0].key.endswith(f": source.settings.{known}x")


@pytest.mark.parametrize(
    ("kind", "settings", "key", "words"),
    [
        ("http_json", {"pools": "data.[pools"}, "source.settings.pools", "is not a JMESPath expression"),
        ("http_json", {"time": "data."}, "source.settings.time", "is not a JMESPath expression"),
        ("http_json", {"fields": {"online": "a..b"}}, "source.settings", "'a..b' is not a JMESPath expression"),
        ("http_json", {"fields": {"pool": "name"}}, "source.settings", "fields name no figure"),
        ("http_json", {"fields": {"onlin": "a"}}, "source.settings", "unknown field onlin; known: busy, online, pool"),
        ("http_json", {"fields": {}}, "source.settings.fields", "at least 1"),
        ("http_json", {"path": "api"}, "source.settings.path", "match pattern"),
        ("http_json", {"unit": "TFLOP"}, "source.settings.unit", "'TFLOPS'"),
        ("prometheus", {"unit": "pflops"}, "source.settings.unit", "'PFLOPS'"),
        ("prometheus", {"queries": {"use": "up"}}, "source.settings", "unknown rung use; known: busy, online, used"),
        ("prometheus", {"queries": {"used": 1}}, "source.settings.queries.used", "valid string"),
        ("slurm", {"version": "0.0.40"}, "source.settings.version", "match pattern"),
        ("slurm", {"gres": "gpu"}, "source.settings.gres", "valid list"),
    ],
)
def test_a_bad_setting_is_told_with_its_place(kind: str, settings: dict[str, object], key: str, words: str) -> None:
    site = _with(kind, **settings)
    problems = check_source(site)

    assert [problem.key for problem in problems] == [f"site {site.id}: {key}"]
    assert words in problems[0].message


def test_an_unknown_kind_is_told_with_those_that_are_known() -> None:
    site = _with("slurm")
    assert site.source is not None
    other = site.model_copy(update={"source": site.source.model_copy(update={"kind": "slrum"})})

    assert str(check_source(other)[0]) == (
        f"site {site.id}: source.kind: slrum: unknown kind of source; known: {', '.join(KINDS)}"
    )


def test_a_site_without_a_source_has_nothing_to_check() -> None:
    assert check_source(_with("slurm").model_copy(update={"source": None})) == []


@every_local_kind
async def test_a_kind_that_is_not_asked_over_http_asks_nothing_and_is_given_no_url(kind: str) -> None:
    collector = collector_of(cases(kind)[0])  # with an Http that fails the test when it is used
    assert await collector.collect(NOW)

    site = registered(SOURCES / kind / "sample.yaml")[0]
    assert site.source is not None
    there = site.model_copy(update={"source": site.source.model_copy(update={"url": "http://10.0.0.1"})})
    assert [problem.message for problem in check_source(there)] == [
        f"kind {kind} is not asked over HTTP: leave this out"
    ]


@every_local_kind
def test_what_is_on_this_machine_is_given_by_the_configuration_alone(kind: str) -> None:
    site = registered(SOURCES / kind / "sample.yaml")[0]
    other = site.model_copy(update={"source": None, "cross_check": site.source})
    assert site.source is not None
    given_here = Grants("/srv/drop", (Program(site.source.settings.get("program", ""), ("/bin/true",)),))

    for one, where in ((site, "source"), (other, "cross_check")):
        (problem,) = grant_faults(one, Grants())
        assert problem.key == f"site {site.id}: {where}"
        assert problem.message.startswith("config.yaml gives this site no ")
        assert grant_faults(one, given_here) == []


@every_http_kind
def test_a_kind_that_is_asked_over_http_needs_a_url_and_nothing_here(kind: str) -> None:
    site = registered(SOURCES / kind / "sample.yaml")[0]
    assert site.source is not None
    nowhere = site.model_copy(update={"source": site.source.model_copy(update={"url": None})})

    assert [str(problem) for problem in check_source(nowhere)] == [
        f"site {site.id}: source.url: expected the URL of the management API"
    ]
    assert grant_faults(site, Grants()) == []


@every_kind
def test_a_sample_holds_no_secret(kind: str) -> None:
    text = (SOURCES / kind / "sample.yaml").read_text(encoding="utf-8")

    for site in yaml.safe_load(text)["sites"]:
        for key in ("token", "password"):
            given_ref = site["source"].get("auth", {}).get(key, {"env": ""})
            assert set(given_ref) <= {"env", "file"}
