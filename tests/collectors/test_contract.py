"""Every kind of source through one suite: recorded answers, and everything that can go wrong with an answer.

Golden answers and made-up JSON come from a fake Http; refusals, faults and cut-off bodies come over a real connection.
A kind says how it is asked (`Settings.reached_by`): what mistreats a connection is for those that have one; what can go
wrong with a folder or a program stands in their own tests, and each group proves that it found its subjects.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.base import CollectError, Collector, NotFound, Refused, Unreadable
from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.push.collector import PushCollector
from collectors.registry import NOT_ASKED, REGISTRY, build, check_source, grant_faults
from collectors.schedule import first_turn
from suanli.model.grants import Grants, Program
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.pushed import Pushed
from suanli.model.sample import Sample
from suanli.model.site import Site
from tests.collectors.cases import (
    ALL,
    HERE,
    NOW,
    Case,
    FakeHttp,
    always,
    cases,
    collector_of,
    name_of,
    polled,
    registered,
)
from tests.collectors.counting import counted
from tests.collectors.counting_here import counted_here
from tests.collectors.raw_server import Answer, RawServer, says_nothing, sends, sends_bytes
from tests.reaching import loopback

KINDS = sorted(REGISTRY)
ASKED = sorted(REGISTRY.keys() - NOT_ASKED)
SOURCES = HERE.parents[1] / "collectors"

HTTP_KINDS = [kind for kind in KINDS if REGISTRY[kind].Settings.reached_by == "http"]
LOCAL_KINDS = [kind for kind in ASKED if kind not in HTTP_KINDS]
every_http_kind = pytest.mark.parametrize("kind", HTTP_KINDS)
every_local_kind = pytest.mark.parametrize("kind", LOCAL_KINDS)
every_asked_kind = pytest.mark.parametrize("kind", ASKED)
every_kind = pytest.mark.parametrize("kind", KINDS)
SHAPES = [case for case in ALL if case.over_http]
SHAPES = [case for case in SHAPES if case.kind != "slurm" or case.folder.name.endswith(("22.05.8-v0.0.38", "v0.0.45"))]
"""Answers that differ in shape, for what is tried many times over."""

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


def golden(sample: Sample) -> dict[str, Any]:
    """As expected.json has it. The poller sets max_age; what was recorded of real products has nothing to refuse."""
    assert sample.refused == ()
    return sample.model_dump(exclude={"site", "max_age", "refused"})


async def heard(case: Case) -> list[Sample]:
    """What its source says: asked for, or brought in one body."""
    if case.kind in NOT_ASKED:
        return PushCollector(case.site).received(Pushed.model_validate(case.body), case.now)
    return await collector_of(case).collect(case.now)


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


@pytest.mark.parametrize(
    ("answer", "kind_of_error"),
    [
        (sends(b"Authentication failure", "401 Unauthorized"), Refused),
        (sends(b"{}", "403 Forbidden"), Refused),
        (sends(b"Unable find requested URL.", "404 Not Found"), NotFound),
        (sends(b"{}", "429 Too Many Requests"), Refused),
        (sends(b'{"errors":[{"errno":-1,"error":"Unspecified error"}],"nodes":[]}', "500 Error"), Unreadable),
        (sends(b'{"errors":[{"error_number":1007}],"nodes":[]}', "511 Network Authentication Required"), Unreadable),
        (sends_bytes(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"nodes": ['), Unreadable),
        (sends(b'{"nodes": [{"name": "a'), Unreadable),
        (sends(b"<html>Log in</html>"), Unreadable),
        (sends(b""), Unreadable),
        (sends(b"{}"), Unreadable),
        (sends(b"[]"), Unreadable),
        (sends(b"null"), Unreadable),
        (sends(b'{"status":"success","data":{"resultType":"vector","result":[]},"nodes":[],"errors":[]}'), Unreadable),
        (sends(b'{"status":"error","errorType":"bad_data","error":"parse error"}'), Unreadable),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
@every_http_kind
async def test_a_bad_answer_gives_an_error_of_its_kind(
    kind: str, answer: Answer, kind_of_error: type[CollectError]
) -> None:
    outcome, error = await _polled_over_a_connection(kind, answer)

    assert type(error) is kind_of_error
    assert (outcome.result, outcome.samples) == (kind_of_error.__name__.lower(), ())
    assert outcome.reason


@every_http_kind
async def test_no_answer_is_unreachable(kind: str) -> None:
    async with RawServer(says_nothing) as server, _door(_at(kind, server.url, timeout=0.05)) as (site, collector):
        outcome, _ = await _polled(site, collector)
    async with _door(_at(kind, server.url, timeout=5.0)) as (site, collector):
        nobody, _ = await _polled(site, collector)

    assert (outcome.result, outcome.reason) == ("unreachable", "no complete answer within 0.05 s")
    assert nobody.result == "unreachable"


async def _polled_over_a_connection(kind: str, answer: Answer) -> tuple[PollOutcome, CollectError]:
    async with RawServer(answer) as server, _door(_at(kind, server.url, timeout=5.0)) as (site, collector):
        outcome, _ = await _polled(site, collector)
        with pytest.raises(CollectError) as caught:
            await collector.collect(NOW)
    return outcome, caught.value


@asynccontextmanager
async def _door(site: PolledSite) -> AsyncIterator[tuple[PolledSite, Collector]]:
    pool = ClientPool(loopback)  # makes a TLS context, which takes longer than all the rest
    try:
        yield site, build(site, pool.site(site))
    finally:
        await pool.aclose()


async def _polled(site: PolledSite, collector: Collector) -> tuple[PollOutcome, list[Sample]]:
    appended: list[Sample] = []

    async def append(samples: list[Sample]) -> None:
        appended.extend(samples)

    poller = Poller(append, lambda _outcome: None, clock=lambda: float(NOW))
    return await poller.poll(first_turn(site, collector, 0.0)), appended


def _at(kind: str, url: str, timeout: float) -> PolledSite:
    site = cases(kind)[0].site
    return replace(site, source=site.source.model_copy(update={"url": url}), timeout=timeout)


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 10**400, 9223372036854775794, 2**63]),
    st.floats(allow_nan=False, allow_infinity=False),  # JSON has neither
    st.text(max_size=8),
    st.sampled_from(["NaN", "+Inf", "-1", "9.2e18", "1e999", "gpu:a100:8", "gpu:", "gpu:a100:" + "9" * 500]),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "IDLE", "idle", "success", "vector"]),
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


READ = {"nodes", "errors", "name", "state", "state_flags", "gres", "gres_used", "usages", "INSTANCE", "CUSTOM_GPU_A100"}
READ |= {"kind", "items", "metadata", "spec", "labels", "taints", "conditions", "type", "allocatable", "unschedulable"}
READ |= {"nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "nvidia.com/gpu.product", "effect", "key"}
READ |= {"resource_providers", "root_provider_uuid", "uuid", "generation", "nodes", "provision_state", "maintenance"}
READ |= {"clusterStatus", "loadMetricsReport", "usageByNode", "time", "summary", "raylet", "state", "resourcesTotal"}
READ |= {"nodeId", "GPU", "acceleratorType:A100", "nodeLogicalResources", "gpus", "utilizationGpu"}
READ |= {"values", "groups", "timestamp"}
READ |= {"phase", "resources", "availableResources", "controlMode", "parent", "huawei.com/ascend-snt9", "Quotas"}
READ |= {"TotalCount", "QuotaDetails", "ActualMinQuota", "AllocatedQuota", "GPU", "GPUType", "ParentQuotaId"}
READ |= {"status", "error", "data", "resultType", "result", "metric", "value", "modelName", "chip", "pod"}
READ |= {"Members", "@odata.id", "ProcessorType", "Model", "Status", "State", "Health", "Metrics", "BandwidthPercent"}
"""Keys that some collector reads; a change elsewhere proves little."""


@st.composite
def nearly(draw: st.DrawFn, whole: Any) -> Any:
    """The recorded answer with one value somewhere in it replaced, or a key lost."""
    if not isinstance(whole, dict | list) or not whole or draw(st.integers(0, 7)) == 0:
        return draw(ANY_JSON)
    keys = [key for key in whole if key in READ] if isinstance(whole, dict) else list(range(len(whole)))
    if not keys:
        return draw(ANY_JSON)
    key = draw(st.sampled_from(keys))
    if isinstance(whole, dict) and draw(st.integers(0, 9)) == 0:
        return {name: value for name, value in whole.items() if name != key}
    copy = whole.copy()
    copy[key] = draw(nearly(whole[key]))
    return copy


@pytest.mark.parametrize("case", SHAPES, ids=name_of)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
async def test_whatever_json_comes_a_poll_tells_sane_figures_or_an_error_of_a_kind(
    case: Case, data: st.DataObject
) -> None:
    payload = data.draw(nearly(case.body), label="answer")

    outcome, appended = await _polled(case.site, collector_of(case, case.http(first=payload)))

    assert outcome.result in {"ok", "unreadable"}, outcome
    assert bool(appended) == (outcome.result == "ok")
    assert len(outcome.reason) < 1000
    for sample in appended:
        figures = [getattr(sample, rung.field) for rung in SAMPLE_RUNGS]
        figures += [sample.online_devices, sample.used_devices]
        assert any(value is not None for value in figures)
        assert all(value is None or (math.isfinite(value) and value >= 0) for value in figures)
        assert 0 <= sample.at <= NOW
        assert 0 < sample.source_at <= sample.fetched_at == NOW
        assert len(sample.reason) < 1000


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
