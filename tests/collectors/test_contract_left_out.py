"""What is there and not online is told with its reason, in the same words in every kind, and in Chinese too."""

from __future__ import annotations

import pytest

import collectors.reasons as reasons
from suanli.cli.language import in_words, speak
from tests.collectors.cases import collector_of
from tests.collectors.contract import HTTP_KINDS, SHAPES

TOLD = {
    "kubernetes": {reasons.NOT_READY, reasons.CORDONED},
    "openstack": {reasons.DISABLED},
    "redfish": {reasons.DISABLED, reasons.CRITICAL, reasons.POWERED_OFF},
    "modelarts": {reasons.NOT_READY, reasons.KEPT_OUT, reasons.FROZEN},
    "slurm": {"DOWN", "DRAIN"},  # Slurm's own words, which its operators know
}
NOT_TOLD = {
    "prometheus": "a query gives the sum of what counts",
    "http_json": "the settings name what counts, and nothing else",
    "runai": "READY_GPUS is what is ready; no type of telemetry that is asked for has the others",
    "pai": "a quota has what is given to it, and not what its machines have",
    "ray": "a node that died tells no resources any more",
}
"""Kinds whose answers do not say what is left out, with the reason."""


def test_every_kind_tells_or_is_an_exception() -> None:
    assert TOLD.keys() | NOT_TOLD.keys() == set(HTTP_KINDS)
    assert not TOLD.keys() & NOT_TOLD.keys()


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_the_recorded_cases_tell_what_they_leave_out(kind: str) -> None:
    samples = [
        sample
        for case in SHAPES
        if case.kind == kind
        for sample in await collector_of(case).collect(case.now)
        if sample.left_out
    ]
    rows = [row for sample in samples for row in sample.left_out]

    assert {row.partition(": ")[2] for row in rows} == TOLD.get(kind, set())
    assert all(float(row.split(" ")[0]) > 0 for row in rows)
    assert all("left_out" not in sample.model_dump() for sample in samples)


def test_a_reason_is_said_in_chinese() -> None:
    left_out = reasons.LeftOut(float, {("a100", reasons.CORDONED): 8.0, ("h100", reasons.NOT_READY): 2.0})
    speak("zh")
    try:
        assert [in_words(row) for row in reasons.told(left_out, "a100")] == ["8 张卡：已停止调度（cordon）"]
    finally:
        speak("en")
