"""CPU of reading a large Slurm site: the recorded nodes of 26.05 over and over, each under a name of its own."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson

from collectors.slurm.collector import SlurmSettings
from collectors.slurm.parse import parse
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.site import Match, Source
from tests.benchmarks.children import ROOT, BenchError
from tests.benchmarks.figures import Figure

_RECORDED = ROOT / "tests/collectors/slurm/cases/slurm-26.05.5-v0.0.45/nodes.json.gz"
_LIMIT_SECONDS = 0.3
_TURNS = 5
_TYPES = ("a100", "h100")


def slurm_figures(nodes: int, recorded: Path = _RECORDED) -> list[Figure]:
    """The answer decoded and counted, beside the limit; and the counting beside the decoding (orjson) alone."""
    answer = orjson.loads(gzip.decompress(recorded.read_bytes()))
    told = [node | {"name": f"node-{number:05}"} for number, node in enumerate(islice(cycle(answer["nodes"]), nodes))]
    body = orjson.dumps(answer | {"nodes": told})
    payload = orjson.loads(body)
    decoding, counting = _cpu(lambda: orjson.loads(body)), _cpu(lambda: _counted(payload, nodes))
    return [
        Figure(f"slurm_{nodes}_nodes_cpu_s", decoding + counting, "s", "limit_s", _LIMIT_SECONDS, 1.0),
        Figure(f"slurm_{nodes}_parse_cpu_s", counting, "s", "orjson_cpu_s", decoding),
    ]


def _counted(payload: dict[str, Any], nodes: int) -> None:
    """Every recorded node has eight devices."""
    samples = parse(payload, _SITE, 0, frozenset(SlurmSettings().gres))
    left_out = sum(int(why.split()[0]) for sample in samples for why in sample.left_out)
    online = sum(int(sample.online_devices or 0) for sample in samples)
    if online + left_out != 8 * nodes:
        raise BenchError(f"{online} devices online and {left_out} not, of {8 * nodes}")


def _cpu(work: Callable[[], object]) -> float:
    """Of the fastest turn."""
    taken = []
    for _ in range(_TURNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


_SITE = PolledSite(
    "slurm",
    Source(kind="slurm", url="http://127.0.0.1:6820"),
    tuple(PolledPool(type_, type_, frozenset(), 1.0, Match(label="gres", value=type_)) for type_ in _TYPES),
    interval=60,
    timeout=10.0,
    max_age=180,
)
