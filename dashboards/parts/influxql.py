"""The InfluxQL of the boards, from the same table: ratios of PFLOPS-hours, which can be added over sites and time.

What is read are the roll-up measurements, where a silent pool has its built hours (in `compute` it has no point, and
would leave the denominator); only the single pools of one site are read from `compute`, a day at most. `fill` stands
outside only: within a sub-query it gives doubled rows. x / 0 is 0 there, so what is unknown is filtered before.
"""

from __future__ import annotations

from dashboards.parts.promql import MOST
from dashboards.parts.terms import BASIS, FLEET, RATIO_TERMS, Group, Scope, Term
from suanli.model.metric import INFLUX_MEASUREMENT, ROLLUP_BUSY, ROLLUP_HEARD, ROLLUP_TOLD, rollup_sum

TAG_VALUES = 'SHOW TAG VALUES FROM "compute_1h" WITH KEY = "{}"'
HOURLY, CHOSEN_ROLLUP = "compute_1h", "$rollup"
_OUTSIDE = "time($__interval)"

_KNOWN: dict[Term, str] = {
    "built": "",
    "heard": "",
    "online": ROLLUP_HEARD,
    "used": ROLLUP_TOLD,
    "told_online": ROLLUP_TOLD,
    "busy": ROLLUP_BUSY,
    "busy_used": ROLLUP_BUSY,
}
"""The field that says for how many pool-hours the term was known at all; "" where it always is."""


def ratio(name: str, scope: Scope = FLEET, by: Group = "", rollup: str = CHOSEN_ROLLUP) -> str:
    """A rate: a ratio of sums of PFLOPS-hours; no row when unknown or when the denominator is 0."""
    above, below = RATIO_TERMS[name]
    known = _KNOWN[above]
    fields = {"above": rollup_sum(above), "below": rollup_sum(below), **({"known": known} if known else {})}
    where = '"below" > 0' + (' AND "known" > 0' if known else "")
    inner = f"SELECT {_sums(fields)} {_from(rollup, scope)} GROUP BY {_groups(by)}"
    return (
        f'SELECT sum("above") / sum("below") AS "ratio" FROM ({inner}) '
        f"WHERE {where} AND $timeFilter GROUP BY {_groups(by)} fill(null)"
    )


def total(term: Term, scope: Scope = FLEET, by: Group = "", rollup: str = CHOSEN_ROLLUP) -> str:
    """One term of the rates as mean PFLOPS: PFLOPS-hours of all pools, over the hours that were summed."""
    known = _KNOWN[term]
    fields = {"sum": rollup_sum(term), "hours": "hours", **({"known": known} if known else {})}
    where = '"hours" > 0' + (' AND "known" > 0' if known else "")
    measures = ", ".join(
        f'{"max" if name == "hours" else "sum"}("{field}") AS "{name}"' for name, field in fields.items()
    )
    # A cell's own hours, not those of its pools: each roll-up point carries how long its cell is.
    inner = f"SELECT {measures} {_from(rollup, scope)} GROUP BY time(1h){_tags(by)}"
    return (
        f'SELECT sum("sum") / sum("hours") AS "pflops" FROM ({inner}) '
        f"WHERE {where} AND $timeFilter GROUP BY {_groups(by)} fill(null)"
    )


def lowest(name: str, scope: Scope = FLEET) -> str:
    """The sites of the lowest rates over the last closed hours, at most MOST of them."""
    above, below = RATIO_TERMS[name]
    known = _KNOWN[above]
    fields = {"above": rollup_sum(above), "below": rollup_sum(below), "known": known}
    inner = f'SELECT {_sums(fields)} {_from(HOURLY, scope)} GROUP BY "site"'
    each = f'SELECT "above" / "below" AS "ratio" FROM ({inner}) WHERE "below" > 0 AND "known" > 0 GROUP BY "site"'
    return f'SELECT bottom("ratio", "site", {MOST}) AS "ratio" FROM ({each})'


def pool_rung(rung: str) -> str:
    """A rung of each pool of the chosen site as its source told it, in the panel's own day; a gap is not filled."""
    where = "\"site\" = '$site' AND $timeFilter"
    return (
        f'SELECT mean("{rung}_pflops") AS "{rung}" FROM "{INFLUX_MEASUREMENT}" WHERE {where} '
        'GROUP BY time($__interval), "pool" fill(null)'
    )


def _sums(fields: dict[str, str]) -> str:
    return ", ".join(f'sum("{field}") AS "{name}"' for name, field in fields.items())


def _from(rollup: str, scope: Scope) -> str:
    chosen = "".join(f' AND "{name}" =~ /^${name}$/' for name in scope.variables)
    return f'FROM "{rollup}" WHERE "basis" = \'{BASIS}\'{chosen} AND $timeFilter'


def _groups(by: Group) -> str:
    return _OUTSIDE + _tags(by)


def _tags(by: Group) -> str:
    return f', "{by}"' if by else ""
