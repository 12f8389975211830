"""Every kind that is asked over HTTP: an answer that is none gives an error of its kind, and no JSON a mad figure."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.base import CollectError, NotFound, Refused, Unreadable
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PollOutcome
from tests.collectors.cases import NOW, Case, collector_of, name_of
from tests.collectors.contract import SHAPES, asked_once, at, door, every_http_kind
from tests.collectors.raw_server import Answer, RawServer, says_nothing, sends, sends_bytes


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
    async with RawServer(says_nothing) as server, door(at(kind, server.url, timeout=0.05)) as (site, collector):
        outcome, _ = await asked_once(site, collector)
    async with door(at(kind, server.url, timeout=5.0)) as (site, collector):
        nobody, _ = await asked_once(site, collector)

    assert outcome.result == "unreachable"
    assert re.search(r"no complete answer within 0\.0\d+ s$", outcome.reason), "also where a BMC has less of it"
    assert nobody.result == "unreachable"


async def _polled_over_a_connection(kind: str, answer: Answer) -> tuple[PollOutcome, CollectError]:
    async with RawServer(answer) as server, door(at(kind, server.url, timeout=5.0)) as (site, collector):
        outcome, _ = await asked_once(site, collector)
        with pytest.raises(CollectError) as caught:
            await collector.collect(NOW)
    return outcome, caught.value


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

    outcome, appended = await asked_once(case.site, collector_of(case, case.http({0: payload})))

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
