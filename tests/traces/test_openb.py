"""Five months of a real cluster, imported: every hour is that of the trace, to the thousandth of a GPU-second."""

from __future__ import annotations

import csv
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from suanli.catalog.accelerators import load_accelerators
from suanli.importing.samples import read_samples
from suanli.model.sample import Sample
from tests.servers.missing import REQUIRED
from tests.suanli.making import MAX_AGE, ZONE, open_store
from tests.suanli.running import Ended, suanli
from tests.traces import data
from tests.traces.asking import Hours, hours, imported, only_sums_stay, parts
from tests.traces.openb import (
    HOUR,
    MODELS,
    START,
    UNDISCLOSED,
    WHOLE,
    Node,
    Placed,
    Placement,
    Pod,
    devices,
    place,
    pool_id,
    read_nodes,
    read_pods,
    sites_yaml,
    write_history,
)

SECRET = {"g2", "g3"}


@dataclass(frozen=True)
class Trace:
    """The trace as it was placed, how its import ended, and its hours as they are told from samples and from sums."""

    raw: Path
    folder: Path
    devices: dict[str, int]
    placement: Placement
    ended: Ended
    samples: list[Sample]
    hours: dict[str, Hours]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    raw = data.need_data("openb")
    folder = tmp_path_factory.mktemp("openb")
    nodes = read_nodes(raw)
    placement = place(nodes, read_pods(raw))
    write_history(nodes, placement, folder / "openb.csv")
    ended = imported(folder, sites_yaml(nodes), "openb.csv")
    span = START, START + placement.end
    found = {"samples": hours(folder, *span)}
    only_sums_stay(folder)
    found["sums"] = hours(folder, *span)
    return Trace(raw, folder, devices(nodes), placement, ended, _read(folder), found)


def _read(folder: Path) -> list[Sample]:
    """The rows of the file as the import reads them."""
    store = open_store(f"sqlite:///{folder}/suanli.db")
    samples = read_samples(
        [folder / "openb.csv"], store.registry, load_accelerators(), ZONE, int(time.time()), lambda _: MAX_AGE
    )
    store.close()
    return samples


@pytest.mark.parametrize(("required", "ending"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_a_trace_that_is_not_there(required: str, ending: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, required)
    monkeypatch.setattr(data, "MISSING", {})
    with pytest.raises(ending, match="trace nowhere missing"):
        data.need_data("nowhere")


# ---------------------------------------------------------------- the placement rule


def _pod(name: str, gpus: int, milli: int, start: int | None, end: int | None, *models: str) -> Pod:
    return Pod(name, gpus, milli, frozenset(models), start, end)


def _placed(nodes: list[Node], *pods: Pod) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {one.pod: (one.node, one.gpus) for one in place(nodes, list(pods)).placed}


def _two_nodes() -> list[Node]:
    return [Node("a", "T4", [WHOLE] * 2), Node("b", "P100", [WHOLE] * 2)]


def test_shares_fill_the_first_gpu_and_whole_gpus_are_on_one_node() -> None:
    pods = [_pod("x", 1, 600, 0, 9), _pod("y", 1, 500, 0, 9), _pod("z", 1, 400, 1, 9), _pod("w", 2, WHOLE, 2, 9)]
    assert _placed(_two_nodes(), *pods) == {"x": ("a", (0,)), "y": ("a", (1,)), "z": ("a", (0,)), "w": ("b", (0, 1))}


def test_pods_are_placed_by_their_time_and_then_by_the_file() -> None:
    pods = [_pod("late", 2, WHOLE, 5, 9), _pod("first", 2, WHOLE, 1, 9), _pod("second", 2, WHOLE, 1, 9)]
    assert _placed(_two_nodes(), *pods) == {"first": ("a", (0, 1)), "second": ("b", (0, 1))}


def test_gpus_are_free_again_at_the_second_of_the_end() -> None:
    pods = [_pod("x", 2, WHOLE, 0, 5), _pod("early", 2, WHOLE, 4, 9), _pod("y", 2, WHOLE, 5, 9)]
    assert _placed(_two_nodes(), *pods) == {"x": ("a", (0, 1)), "early": ("b", (0, 1)), "y": ("a", (0, 1))}


def test_who_is_not_placed_is_counted() -> None:
    pods = [
        _pod("picky", 1, WHOLE, 0, 9, "P100", "V100M16"),
        _pod("none", 0, WHOLE, 0, 9),
        _pod("never", 1, WHOLE, None, 9),
        _pod("wide", 3, WHOLE, 0, 9),
        _pod("open", 1, WHOLE, 0, None),
    ]
    found = place(_two_nodes(), pods)
    assert [(one.pod, one.node, one.end) for one in found.placed] == [("picky", "b", 9), ("open", "a", 9)]
    assert [[pod.name for pod in group] for group in (found.without, found.never, found.waiting)] == [
        ["none"],
        ["never"],
        ["wide"],
    ]


# ---------------------------------------------------------------- the trace as it is placed


def test_every_pod_is_accounted_for(trace: Trace) -> None:
    found = trace.placement
    assert [len(group) for group in (found.placed, found.never, found.without, found.waiting)] == [6203, 897, 1052, 0]
    assert len(read_pods(trace.raw)) == 6203 + 897 + 1052
    assert trace.devices == {
        "P100": 265, "G3": 312, "V100M32": 204, "V100M16": 195, "G2": 4392, "T4": 842, "A10": 2,
    }  # fmt: skip


def test_no_gpu_is_given_away_twice(trace: Trace) -> None:
    changes: dict[tuple[str, int], Counter[int]] = defaultdict(Counter)
    for one in trace.placement.placed:
        for gpu in one.gpus:
            changes[one.node, gpu][one.start] += one.milli
            changes[one.node, gpu][one.end] -= one.milli
    for counted in changes.values():
        taken = 0
        for second in sorted(counted):
            taken += counted[second]
            assert 0 <= taken <= WHOLE


# ---------------------------------------------------------------- the import


def test_the_command_takes_every_row(trace: Trace) -> None:
    assert (trace.ended.code, trace.ended.err) == (0, "")
    assert trace.ended.data == {
        "rows": 37155,
        "pools": 7,
        "from": "2023-01-01T00:00:00Z",
        "to": "2023-05-30T08:00:00Z",
        "kept": 37155,
        "dry_run": False,
    }


def test_the_word_never_lapses_before_the_end(trace: Trace) -> None:
    times: dict[str, list[int]] = defaultdict(list)
    for sample in trace.samples:
        times[sample.pool].append(sample.at)
    assert {pool: found[0] for pool, found in times.items()} == {pool_id(model): START for model in trace.devices}
    assert max(later - at for found in times.values() for at, later in pairwise(found)) == HOUR
    lasts = {sample.pool: sample.at + sample.max_age + 1 for sample in trace.samples}
    assert set(lasts.values()) == {START + trace.placement.end}


@pytest.mark.parametrize("source", ["samples", "sums"])
def test_every_hour_is_that_of_the_trace_exactly(trace: Trace, source: str) -> None:
    """Online and used: PFLOPS-seconds over the peak of a device are whole thousandths of a GPU, times seconds."""
    told = {key: point for key, point in trace.hours[source].items() if key[0] not in SECRET}
    expected = _hours_of_the_trace(trace)
    assert set(told) == set(expected)
    found = {key: _milli(key[0], point) for key, point in told.items()}
    assert {key: (found[key], figures) for key, figures in expected.items() if found[key] != figures} == {}
    assert sum(used for _, used in expected.values()) > 0


@pytest.mark.parametrize("source", ["samples", "sums"])
def test_everything_is_heard_until_the_end(trace: Trace, source: str) -> None:
    last = START + trace.placement.end // HOUR * HOUR
    for (pool, hour), point in trace.hours[source].items():
        if pool not in SECRET:
            heard = trace.placement.end % HOUR if hour == last else HOUR
            assert point["coverage_ratio"] == pytest.approx(heard / HOUR, rel=1e-12)


@pytest.mark.parametrize("source", ["samples", "sums"])
def test_an_undisclosed_peak_leaves_every_figure_in_pflops_unknown(trace: Trace, source: str) -> None:
    """Undefined, with its coverage, and not 0: nothing is built that could be counted."""
    secret = [(pool, point) for (pool, _), point in trace.hours[source].items() if pool in SECRET]
    assert Counter(pool for pool, _ in secret) == dict.fromkeys(SECRET, -(-trace.placement.end // HOUR))
    names = [f"{rung}_pflops{kind}" for rung in ("built", "online", "used", "busy") for kind in ("", "_hours")]
    names += ["coverage_ratio", "online_ratio", "usage_ratio", "online_ratio_high", "usage_ratio_high"]
    assert {point[name] for _, point in secret for name in names} == {None}


def test_undisclosed_devices_are_counted_in_the_ledger(trace: Trace) -> None:
    entries = suanli(trace.folder, "capacity", "list", "--json").data["capacity"]
    counted = {one["pool"]: (one["devices"], one["pflops"]) for one in entries if one["pool"] in SECRET}
    assert counted == {pool_id(model): (trace.devices[model], None) for model in ("G2", "G3")}


def test_undisclosed_devices_are_counted_in_every_hour(trace: Trace) -> None:
    # The record keeps PFLOPS only, so that no series can tell devices: these are of the samples that the import makes.
    secret = [sample for sample in trace.samples if sample.pool in SECRET]
    assert {(sample.online_pflops, sample.used_pflops, sample.quality) for sample in secret} == {
        (None, None, "partial")
    }
    online: dict[str, Counter[int]] = defaultdict(Counter)
    used: dict[str, Counter[int]] = defaultdict(Counter)
    for pool in SECRET:
        words = [sample for sample in secret if sample.pool == pool]
        ends = [*(word.at - START for word in words[1:]), trace.placement.end]
        for word, end in zip(words, ends, strict=True):
            for hours_of, devices_of in ((online, word.online_devices), (used, word.used_devices)):
                _add(hours_of[pool], word.at - START, end, round((devices_of or 0.0) * WHOLE))
    expected = _hours_of_the_trace(trace, secret=True)
    found = {
        (pool, hour): tuple(sums[pool][(hour - START) // HOUR] for sums in (online, used)) for pool, hour in expected
    }
    assert found == expected


def test_the_hours_of_all_pools_are_those_of_the_list_of_pods(trace: Trace) -> None:
    """Whatever the placement: as no pod waits, the sum over pools is the sum over the file's own lines."""
    by_hour: Counter[int] = Counter()
    for secret in (False, True):
        for (_, hour), (_, used) in _hours_of_the_trace(trace, secret=secret).items():
            by_hour[hour] += used
    told: Counter[int] = Counter()
    with (trace.raw / "openb_pod_list_default.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["scheduled_time"]:
                milli = int(row["num_gpu"]) * int(row["gpu_milli"])
                _add(told, int(row["scheduled_time"]), int(row["deletion_time"]), milli)
    assert {hour: used for hour, used in by_hour.items() if used} == {
        START + hour * HOUR: used for hour, used in told.items() if used
    }


def _milli(pool: str, point: dict[str, Any]) -> tuple[int, ...]:
    """Online and used of an hour as thousandths of a GPU times seconds."""
    row = load_accelerators().find(MODELS[next(model for model in MODELS if pool_id(model) == pool)])
    peak = row.tflops["fp16"] / 1000 if row else 0.0
    return tuple(parts(point[f"{rung}_pflops_hours"], peak, WHOLE) for rung in ("online", "used"))


def _hours_of_the_trace(trace: Trace, *, secret: bool = False) -> dict[tuple[str, int], tuple[int, int]]:
    """Online and used of every pool and hour in whole GPU-milli-seconds, from the intervals alone."""
    end = trace.placement.end
    models = [model for model in trace.devices if (MODELS[model] == UNDISCLOSED) == secret]
    used = {model: _used([one for one in trace.placement.placed if one.model == model]) for model in models}
    return {
        (pool_id(model), START + hour * HOUR): (
            trace.devices[model] * WHOLE * min(HOUR, end - hour * HOUR),
            used[model][hour],
        )
        for model in models
        for hour in range((end + HOUR - 1) // HOUR)
    }


def _used(placed: list[Placed]) -> Counter[int]:
    hours: Counter[int] = Counter()
    for one in placed:
        _add(hours, one.start, one.end, one.milli * len(one.gpus))
    return hours


def _add(hours: Counter[int], start: int, end: int, milli: int) -> None:
    for hour in range(start // HOUR, (end - 1) // HOUR + 1):
        hours[hour] += milli * (min(end, (hour + 1) * HOUR) - max(start, hour * HOUR))
