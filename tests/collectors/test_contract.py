"""Every kind of source through one suite: it found them all, and each recorded answer gives the golden samples.

What can go wrong with an answer stands in the other test_contract_*.py.
"""

from __future__ import annotations

import asyncio

import pytest

from collectors.base import Refused
from collectors.registry import NOT_ASKED, REGISTRY, build
from suanli.model.metric import SAMPLE_RUNGS
from tests.collectors.cases import ALL, HERE, NOW, Case, FakeHttp, always, cases, collector_of, name_of
from tests.collectors.contract import (
    ASKED,
    HTTP_KINDS,
    KINDS,
    LOCAL_KINDS,
    SHAPES,
    SOURCES,
    every_asked_kind,
    golden,
    heard,
)
from tests.collectors.counting import counted
from tests.collectors.counting_here import counted_here

every_case = pytest.mark.parametrize("case", ALL, ids=name_of)


def test_the_suite_found_every_kind() -> None:
    assert len(REGISTRY) >= 13
    assert len(HTTP_KINDS) >= 10
    assert LOCAL_KINDS == ["exec", "file"]
    assert {REGISTRY[kind].Settings.reached_by for kind in LOCAL_KINDS} == {"folder", "program"}
    assert {case.kind for case in SHAPES} == set(HTTP_KINDS)
    for kind in KINDS:
        assert len(cases(kind)) >= 2, kind
        assert (SOURCES / kind / "README.md").is_file(), kind
        assert (SOURCES / kind / "sample.yaml").is_file(), kind
        assert (HERE / f"test_{kind}.py").is_file(), kind
    assert {case.kind for case in ALL} == set(REGISTRY)
    assert set(ASKED) | NOT_ASKED == set(KINDS)


@pytest.mark.parametrize("kind", sorted(NOT_ASKED))
async def test_a_kind_that_is_not_asked_asks_nobody_and_says_so(kind: str) -> None:
    """Its answers are judged as they come in: tests/collectors/test_push.py and tests/exporter/test_push_routes.py."""
    http = always(None)
    with pytest.raises(Refused, match="nobody asks it"):
        await build(cases(kind)[0].site, http).collect(NOW)
    assert http.asked == []


@every_case
def test_a_case_says_where_it_is_from(case: Case) -> None:
    text = (case.folder / "PROVENANCE.md").read_text(encoding="utf-8")

    for word in ("**Product**", "**How recorded**", "**Scrubbed**", "**Golden figures**"):
        assert word in text
    assert "/home/" not in text
    assert "/tmp" not in text


@every_case
async def test_a_recorded_answer_gives_the_golden_samples(case: Case) -> None:
    samples = await heard(case)

    assert [golden(sample) for sample in samples] == case.expected
    assert {sample.site for sample in samples} == {case.site.id}


@every_case
def test_the_golden_figures_are_those_of_an_independent_count(case: Case) -> None:
    golden = {row["pool"]: {rung.field: row[rung.field] for rung in SAMPLE_RUNGS} for row in case.expected}
    here = case.kind in LOCAL_KINDS
    own = counted_here(case.folder) if here else counted(name_of(case), case.body, case.others)

    assert golden.keys() == own.keys()
    for pool, rungs in own.items():
        assert golden[pool] == pytest.approx(rungs), pool


@every_asked_kind
async def test_collectors_share_nothing(kind: str) -> None:
    made = [(case, collector_of(case)) for case in cases(kind)] * 2

    for samples, (case, _) in zip(
        await asyncio.gather(*(one.collect(case.now) for case, one in made)), made, strict=True
    ):
        assert [golden(sample) for sample in samples] == case.expected
    failing = build(cases(kind)[0].site, FakeHttp(_refuses))  # config.yaml gives it nothing, either
    with pytest.raises(Refused):
        await failing.collect(NOW)
    for case, collector in reversed(made):
        assert len(await collector.collect(case.now)) == len(case.expected)


def _refuses(_path: str, _params: object) -> None:
    raise Refused("no")
