"""What a scrape of /metrics costs: the text beside prometheus-client's for the same families, and the whole page.

`again`: of a page whose gauges have not changed; our own metrics (each site's polls) are printed anew.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.exposition import Family, families, text_of
from exporter.own import OwnMetrics
from exporter.packing import packed
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.capacity import CapacityEntry
from suanli.model.polled import PollOutcome
from suanli.model.sample import Sample
from suanli.model.site import Pool, Site, Source
from suanli.registry.ledger import entries_of
from suanli.registry.timeline import FOR_EVER, PoolFacts, SiteFacts, Timeline, timeline_of
from suanli.store.outcomes import Outcomes
from suanli.store.registry import RecordedPool, RecordedSite
from suanli.store.sql import Store
from suanli.store.states import pool_states
from tests.benchmarks.children import BenchError
from tests.benchmarks.figures import Figure

NOW = 1_795_500_000
_TURNS = 3
_SERVED_MS = 10.0


def rendering_figures(sizes: Sequence[int]) -> list[Figure]:
    """For fleets of so many sites of two pools."""
    return [figure for sites in sizes for figure in _figures(sites)]


def fleet(sites: int) -> tuple[list[RecordedSite], dict[int, Timeline], dict[int, Sample], Outcomes]:
    """A registry; by the pools' keys their timelines and last samples; and the last outcome of every site."""
    registry = [_site(number) for number in range(sites)]
    places = [(item, pool) for item in registry for pool in item.pools]
    timelines = {pool.key: _timeline(item.site, pool) for item, pool in places}
    latest = {pool.key: _sample(item.site.id, pool.pool.id, item.key) for item, pool in places}
    outcomes = Outcomes()
    for item in registry:
        outcomes.note(PollOutcome(item.site.id, NOW, "ok", 0.01))
    return registry, timelines, latest, outcomes


def _figures(sites: int) -> list[Figure]:
    registry, timelines, latest, outcomes = fleet(sites)
    config = Config()

    def found() -> Iterator[Family]:
        return families(pool_states(timelines, latest, NOW), registry, outcomes, config, NOW)

    prepared = list(found())
    theirs = CollectorRegistry()
    theirs.register(_Prepared(prepared))
    if text_of(prepared) != generate_latest(theirs):
        raise BenchError("our text is not what prometheus-client prints")
    ours, others = _middles_ms(lambda: text_of(prepared), lambda: generate_latest(theirs))
    (page,) = _middles_ms(lambda: text_of(found()))
    text = text_of(prepared)
    known = packed(text)
    with tempfile.TemporaryDirectory() as folder, closing(Store(f"sqlite:///{folder}/own.db")) as store:
        own = OwnMetrics(store, [])
        for item in registry:
            own.note(outcomes.last[item.site.id])
        packing, plain, zipped = _middles_ms(
            lambda: packed(text),
            lambda: text + generate_latest(own.registry),
            lambda: known.page(generate_latest(own.registry)),
        )
    return [
        Figure(f"metrics_text_{sites}_ms", ours, "ms", f"generate_latest_{sites}_ms", others),
        Figure(f"metrics_page_{sites}_ms", page, "ms", f"generate_latest_{sites}_ms", others),
        Figure(f"metrics_packed_{sites}_ms", packing, "ms", f"generate_latest_{sites}_ms", others),
        Figure(f"metrics_again_{sites}_ms", plain, "ms", "limit_ms", _SERVED_MS, 1.0),
        Figure(f"metrics_packed_again_{sites}_ms", zipped, "ms", "limit_ms", _SERVED_MS, 1.0),
    ]


class _Prepared(Collector):
    """The same families as prometheus-client's own objects, made beforehand."""

    def __init__(self, found: Sequence[Family]) -> None:
        self._metrics = [_metric(*family) for family in found if family[2]]

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def _metric(name: str, help_: str, rows: Sequence[tuple[tuple[tuple[str, str], ...], float]]) -> Metric:
    metric = GaugeMetricFamily(name, help_, labels=[label for label, _ in rows[0][0]])
    for labels, value in rows:
        metric.add_metric([text for _, text in labels], value)
    return metric


def _middles_ms(*jobs: Callable[[], object]) -> list[float]:
    """The median wall of each job; they take turns."""
    walls: list[list[float]] = [[] for _ in jobs]
    for _ in range(_TURNS):
        for job, taken in zip(jobs, walls, strict=True):
            start = time.perf_counter()
            job()
            taken.append((time.perf_counter() - start) * 1e3)
    return [statistics.median(taken) for taken in walls]


def _site(number: int) -> RecordedSite:
    site = Site(
        id=f"site-{number:05}",
        name=f"智算中心 {number}",
        province="安徽",
        operator="示例",
        source=Source(kind="http_json", url="http://127.0.0.1:1"),
    )
    return RecordedSite(number + 1, site, (_pool(2 * number + 1, "a100"), _pool(2 * number + 2, "h800")))


def _pool(key: int, id_: str) -> RecordedPool:
    zone, built = Config().zone, {"from": "2024-09-01", "stage": "built", "pflops": 320.0, "source": "benchmark"}
    pool = Pool(id=id_, model="nvidia-a100-sxm4-80gb", capacity=(CapacityEntry.model_validate(built, strict=False),))
    return RecordedPool(key, pool, tuple(entries_of(pool, zone, load_accelerators())))


def _timeline(site: Site, recorded: RecordedPool) -> Timeline:
    pool = recorded.pool
    facts = SiteFacts(0, FOR_EVER, site.name, site.province, site.operator, site.status)
    place = PoolFacts(0, FOR_EVER, site.id, pool.id, pool.model, pool.basis)
    return timeline_of(recorded.key, [place], {site.id: [facts]}, recorded.ledger)


def _sample(site: str, pool: str, number: int) -> Sample:
    online, used = 300.0 - number % 37 / 7, 200.0 + number % 11 / 3
    return Sample(
        site=site,
        pool=pool,
        at=NOW,
        source_at=NOW,
        fetched_at=NOW,
        online_pflops=online,
        used_pflops=used,
        busy_pflops=150.5,
    )
