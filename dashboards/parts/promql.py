"""The PromQL of the boards, from the table of metrics.

There is no way here to write a mean of ratios: a ratio is a gauge of our own fleet, or a sum divided by a sum.
The sums are those of `suanli.model.rates`: of one precision basis, and for rates over the expected pools only
(operational site, built > 0). `max by` counts a pool once when two instances expose it.
"""

from __future__ import annotations

from dashboards.parts.terms import BASIS, BENCHMARK, FLEET, RATIO_OF, RATIO_TERMS, RUNG_OF, Bound, Group, Scope, Term

MOST = 20
"""Rows of a table, however many sites there are."""
_BARS = 40
"""Of groups; there are 34 provinces, and operators can be many."""

_OF_BASIS = f'suanli_pool_info{{basis="{BASIS}"}}'
_NAMES = "max by (site, name, province, operator) (suanli_site_info)"
_PLACE = "on (site, pool)"


# ---------------------------------------------------------------- the fleet, by its own gauges


def fleet(*rungs: str) -> str:
    """Rungs of the whole fleet, in PFLOPS; of several, each is a series with its own name."""
    return _gauge([RUNG_OF[rung].fleet_gauge for rung in rungs])


def fleet_ratio(*ratios: str) -> str:
    """Rates of the whole fleet."""
    return _gauge([RATIO_OF[ratio].fleet_gauge for ratio in ratios])


def fleet_bounds(ratio: str) -> str:
    """What a rate would be with every silent site at 0 (..._low), and full (..._high): two series."""
    known = RATIO_OF[ratio]
    if not known.bounded:
        raise ValueError(f"the ratio {ratio} has no bounds")
    return _gauge([f"{known.fleet_gauge}_low", f"{known.fleet_gauge}_high"])


def benchmark(ratio: str = "") -> str:
    """The published national value of a rate; without one, of both: a series each, told apart by `metric`."""
    return f'max by (metric) (suanli_benchmark_ratio{{benchmark="{BENCHMARK}"{_metric(ratio)}}})'


def target(ratio: str = "", scope: str = "fleet") -> str:
    """What is to be reached, as `benchmark`; scope: as it is written in a target, `province:$province`."""
    return f'max by (metric) (suanli_target_ratio{{scope="{scope}",basis="{BASIS}"{_metric(ratio)}}})'


def shortfall(scope: str = "fleet") -> str:
    """How many PFLOPS a target is missed by, its maintenance approved."""
    return f'max by (metric) (suanli_target_shortfall_pflops{{scope="{scope}",basis="{BASIS}"}})'


def line(name: str, found: str) -> str:
    """The same series, called after what they are and their metric: `national online_ratio`, in the label `line`."""
    return f'label_replace({found}, "line", "{name} $1", "metric", "(.*)")'


def points_changed(ratio: str, days: int = 7) -> str:
    """By how many percentage points the fleet's rate changed against so many days ago."""
    now = fleet_ratio(ratio)
    return f"100 * (max by (basis) ({now}) - max by (basis) ({now} offset {days}d))"


# ---------------------------------------------------------------- any sites, by sums over their pools


def total(term: Term, scope: Scope = FLEET, by: Group = "") -> str:
    """One term of the rates in PFLOPS, summed; absent where nobody told it."""
    return _sum(_pools(term, scope), by)


def ratio(name: str, scope: Scope = FLEET, by: Group = "") -> str:
    """A rate as a ratio of sums; absent when unknown or when the denominator is 0."""
    above, below = (total(term, scope, by) for term in RATIO_TERMS[name])
    if RATIO_TERMS[name][0] == "heard":  # that nobody was heard is known
        above = f"({above} or 0 * {below})"
    return f"{above} / ({below} > 0)"


def bound(name: Bound, scope: Scope) -> str:
    """The online-rate if every silent pool were at 0, or full."""
    built, online = total("built", scope), total("online", scope)
    least = f"({online} or 0 * {built})"
    silent = f"sum({_expected(scope)} unless {_PLACE} {_told('online')})"
    most = f"({least} + ({silent} or 0 * {built}))"
    return f"{least if name == 'low' else most} / ({built} > 0)"


def gap(scope: Scope) -> str:
    """Computing power that is held and does not compute: used less busy, of pools that tell both."""
    return f"{total('busy_used', scope)} - {total('busy', scope)}"


def ranked(found: str) -> str:
    """From high to low, which an instant query keeps."""
    return f"topk({_BARS}, {found})"


def lowest(name: str, scope: Scope = FLEET) -> str:
    """The sites of the lowest rates with their names, at most MOST of them; one whose rate is unknown is not there."""
    return f"bottomk({MOST}, {ratio(name, scope, 'site')}) * on (site) group_left (name, province, operator) {_NAMES}"


def beside_lowest(name: str, other: str, scope: Scope = FLEET) -> str:
    """Another rate of the sites that `lowest` gives."""
    return f"{ratio(other, scope, 'site')} and on (site) bottomk({MOST}, {ratio(name, scope, 'site')})"


def longest_unheard(scope: Scope = FLEET) -> str:
    """Seconds since each expected site was heard, of those that are longest silent."""
    return f"topk({MOST}, {site_age(scope)} and on (site) ({_expected(scope)}))"


def oldest(scope: Scope = FLEET) -> str:
    """Seconds since the expected site that is longest silent was heard."""
    return f"max({site_age(scope)} and on (site) ({_expected(scope)}))"


def sites_expected(scope: Scope = FLEET) -> str:
    """How many sites ought to be heard."""
    return f"count(count by (site) ({_expected(scope)}))"


def sites_up(scope: Scope = FLEET) -> str:
    """How many of them answered last time. A sum of ones, because `count(x == 1)` is nothing, not 0, when none did."""
    return f"sum(max by (site) (suanli_site_up) and on (site) ({_expected(scope)}))"


def site_age(scope: Scope = FLEET) -> str:
    """Seconds since a site was last heard; absent for one that never was."""
    return f"time() - max by (site) (suanli_site_last_success_timestamp_seconds{_of_site(scope)})"


# ---------------------------------------------------------------- one site


def site_condition() -> str:
    """2 in approved maintenance, else 1 while a figure of the site is known, else 0."""
    site = '{site="$site"}'
    repair = f"2 * (max by (site) (suanli_site_maintenance{site}) > 0)"
    heard = f"max by (site) ({RUNG_OF['online'].site_gauge}{site} >= bool 0)"
    return f"{repair} or {heard} or 0 * max by (site) (suanli_site_info{site})"


def pool_rung(rung: str) -> str:
    """A rung of each pool of the chosen site, whatever its basis."""
    return f'max by (pool) ({RUNG_OF[rung].site_gauge}{{site="$site"}})'


def pool_names() -> str:
    """Each pool of the chosen site with its model and basis."""
    return 'max by (pool, model, basis) (suanli_pool_info{site="$site"})'


def capacity_changes() -> str:
    """1 or more where what is built of a pool of the chosen site changed."""
    return f'changes({RUNG_OF["built"].site_gauge}{{site="$site"}}[15m]) > 0'


def label_values(label: str) -> str:
    """What a variable can be; a question to Grafana's data source, not PromQL."""
    return f"label_values(suanli_site_info, {label})"


# ---------------------------------------------------------------- within

_TERMS: dict[Term, tuple[str, tuple[str, ...]]] = {
    "built": ("built", ()),
    "heard": ("built", ("online",)),
    "online": ("online", ()),
    "told_online": ("online", ("used",)),
    "used": ("used", ("online",)),
    "busy": ("busy", ("online", "used")),
    "busy_used": ("used", ("online", "busy")),
}
"""Which rung is summed, of pools that tell these rungs too."""


def _gauge(names: list[str]) -> str:
    here = f'basis="{BASIS}"'
    if len(names) == 1:
        return f"{names[0]}{{{here}}}"
    return f'{{__name__=~"{"|".join(names)}",{here}}}'


def _metric(ratio: str) -> str:
    return f',metric="{RATIO_OF[ratio].field}"' if ratio else ""


def _sum(pools: str, by: Group) -> str:
    """Province and operator are labels of the site, which its pools are given here."""
    if by in ("", "site"):
        return f"sum by (site) ({pools})" if by else f"sum({pools})"
    return f"sum by ({by}) (({pools}) * on (site) group_left ({by}) max by (site, {by}) (suanli_site_info))"


def _pools(term: Term, scope: Scope) -> str:
    """One figure of each pool that counts in this term: an expected one that tells all that the term needs."""
    expected = _expected(scope)
    figure, too = _TERMS[term]
    first = expected if figure == "built" else f"max by (site, pool) ({_told(figure)}) and {_PLACE} ({expected})"
    return first + "".join(f" and {_PLACE} {_told(rung)}" for rung in too)


def _told(rung: str) -> str:
    return RUNG_OF[rung].site_gauge


def _expected(scope: Scope) -> str:
    """What is built of each expected pool."""
    built = f"max by (site, pool) ({RUNG_OF['built'].site_gauge}{_of_site(scope)})"
    return f"{built} > 0 and {_PLACE} {_OF_BASIS} and on (site) {_sites(scope)}"


def _sites(scope: Scope) -> str:
    chosen = "".join(f',{name}=~"${name}"' for name in scope.variables if name != "site")
    return f'suanli_site_info{{status="operational"{chosen}}}'


def _of_site(scope: Scope) -> str:
    return '{site="$site"}' if scope.variables == ("site",) else ""
