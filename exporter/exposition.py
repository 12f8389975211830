"""Site and fleet gauges as Prometheus text: byte for byte as prometheus-client would print them, at half the cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from prometheus_client import utils

from suanli.answers import benchmarks_at
from suanli.config import Config
from suanli.model.disagreement import Disagreement
from suanli.model.metric import RATIOS, RUNGS
from suanli.model.rates import PoolState, Rates, rates_of
from suanli.model.sample import QUALITIES
from suanli.model.units import BASES
from suanli.store.outcomes import Outcomes
from suanli.store.registry import RecordedSite

Labels = tuple[tuple[str, str], ...]
"""Sorted by name, as prometheus-client prints them."""
Row = tuple[Labels, float]
Family = tuple[str, str, Sequence[Row]]
"""Name, help, rows."""

_go: Callable[[float], str] = utils.floatToGoString
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def families(
    states: list[PoolState], registry: Iterable[RecordedSite], outcomes: Outcomes, config: Config, now: int
) -> Iterator[Family]:
    """Every gauge of sites, pools, fleet, benchmarks and targets. What is unknown has no row: rule 4."""
    yield from _site_rungs(states)
    yield from _identities(list(registry))
    yield from _liveness(outcomes)
    yield from _qualities(states)
    yield from _fleet(states)
    yield from _compared(config, now)


def second_signals(found: Iterable[Disagreement], checks: Outcomes) -> Iterator[Family]:
    """Where a site has a second signal: whether it was heard, and how far it lies from the source."""
    rows = [((("pool", one.pool), ("rung", one.rung), ("site", one.site)), one.pflops) for one in found]
    yield "suanli_site_disagreement_pflops", "The second signal of a rung less the source, in PFLOPS.", rows
    up = [((("site", site),), float(outcome.result == "ok")) for site, outcome in sorted(checks.last.items())]
    yield "suanli_site_cross_check_up", "Whether the last poll of the site's second signal succeeded.", up


def text_of(found: Iterable[Family]) -> bytes:
    """The families in the text format; a family without rows is left out."""
    return "".join(_family(*family) for family in found if family[2]).encode()


def _family(name: str, help_: str, rows: Sequence[Row]) -> str:
    lines = "".join(f"{name}{_labels(labels)} {_go(value)}\n" for labels, value in rows)
    return f"# HELP {name} {help_}\n# TYPE {name} gauge\n{lines}"


@lru_cache(maxsize=200_000)
def _labels(labels: Labels) -> str:
    """Labels seldom change; escaping and joining them at each scrape was most of its cost."""
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels) + "}"


def _site_rungs(states: list[PoolState]) -> Iterator[Family]:
    keyed = [((("pool", state.pool), ("site", state.site)), state) for state in states]
    for rung in RUNGS:
        rows = [(labels, value) for labels, state in keyed if (value := getattr(state, rung.field)) is not None]
        yield rung.site_gauge, rung.help, rows


def _identities(registry: list[RecordedSite]) -> Iterator[Family]:
    yield "suanli_site_info", "What is known of a site.", [(_site_labels(item), 1.0) for item in registry]
    pools = [
        ((("basis", pool.pool.basis), ("model", pool.pool.model), ("pool", pool.pool.id), ("site", item.site.id)), 1.0)
        for item in registry
        for pool in item.pools
    ]
    yield "suanli_pool_info", "What is known of a pool.", pools


def _site_labels(item: RecordedSite) -> Labels:
    site = item.site
    return (
        ("kind", site.source.kind if site.source else ""),
        ("name", site.name),
        ("operator", site.operator),
        ("province", site.province),
        ("site", site.id),
        ("status", site.status),
    )


def _liveness(outcomes: Outcomes) -> Iterator[Family]:
    up = [((("site", site),), float(outcome.result == "ok")) for site, outcome in sorted(outcomes.last.items())]
    yield "suanli_site_up", "Whether the last poll of the site succeeded.", up
    heard = [((("site", site),), float(at)) for site, at in sorted(outcomes.last_success.items())]
    yield "suanli_site_last_success_timestamp_seconds", "When the site was last polled with success.", heard


def _qualities(states: list[PoolState]) -> Iterator[Family]:
    """Of pools that are heard: what nobody tells has no quality."""
    heard = [state for state in states if state.heard]
    counts = Counter(state.quality for state in heard)
    rows = [((("quality", quality),), float(counts[quality])) for quality in QUALITIES]
    yield "suanli_pools_by_quality", "Pools that are heard, by the quality of their last word.", rows
    doubted = [((("pool", one.pool), ("site", one.site)), 1.0) for one in heard if one.quality == "suspect"]
    yield "suanli_pool_suspect", "1 for a pool of which a check asks a question.", doubted


def _fleet(states: list[PoolState]) -> Iterator[Family]:
    found = {basis: [state for state in states if state.basis == basis] for basis in BASES}
    rates = [(basis, rates_of(members)) for basis, members in found.items() if members]
    for rung in RUNGS:
        yield rung.fleet_gauge, f"Fleet: {rung.help}", _fleet_rows(rates, rung.field)
    for ratio in RATIOS:
        yield ratio.fleet_gauge, f"Fleet: {ratio.help}", _fleet_rows(rates, ratio.field)
        for bound, meaning in (("low", "at 0"), ("high", "full")) if ratio.bounded else ():
            help_ = f"Fleet: {ratio.name} ratio if every silent site were {meaning}."
            yield f"{ratio.fleet_gauge}_{bound}", help_, _fleet_rows(rates, f"{ratio.field}_{bound}")


def _fleet_rows(rates: Sequence[tuple[str, Rates]], field: str) -> list[Row]:
    return [((("basis", basis),), value) for basis, one in rates if (value := getattr(one, field)) is not None]


def _compared(config: Config, now: int) -> Iterator[Family]:
    """Rates of racks are left out: no query may hold one against ours. Of two with one name the later counts."""
    published = [one for one in benchmarks_at(config, now) if one.unit == "pflops"]
    benchmarks = {(("benchmark", one.name), ("metric", one.metric)): one.value for one in published}
    yield "suanli_benchmark_ratio", "Published rates to compare with.", list(benchmarks.items())
    targets = {
        (("basis", one.basis), ("metric", one.metric), ("scope", one.scope)): one.target for one in config.targets
    }
    yield "suanli_target_ratio", "Rates that are to be reached.", list(targets.items())
