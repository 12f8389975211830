"""Everything that has a rung or a ratio in it has those of THE table, under the table's names."""

from __future__ import annotations

from exporter.exposition import families
from exporter.lineprotocol import line_of
from suanli.model.metric import INFLUX_MEASUREMENT, INFLUX_RUNGS, INFLUX_TAGS, LEDGER_RUNGS, RATIOS, RUNGS, SAMPLE_RUNGS
from suanli.model.rates import PoolState, Rates
from suanli.model.sample import Sample
from suanli.store import schema
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Point
from tests.suanli.making import T0, config

RUNG_FIELDS = [rung.field for rung in RUNGS]


def rungs_in(names: object) -> list[str]:
    return [str(name) for name in names if str(name).endswith("_pflops")]  # type: ignore[attr-defined] # any iterable


def test_the_ladder_is_the_one_of_the_definitions() -> None:
    assert [rung.name for rung in RUNGS] == ["planned", "built", "online", "used", "busy"]
    assert [rung.name for rung in LEDGER_RUNGS] == ["planned", "built"]
    assert (*LEDGER_RUNGS, *SAMPLE_RUNGS) == RUNGS
    assert [(one.name, one.numerator, one.denominator) for one in RATIOS] == [
        ("online", "online", "built"),
        ("usage", "used", "online"),
        ("overall", "used", "built"),
        ("coverage", "heard", "built"),
    ]


def test_samples_have_the_rungs_that_are_sampled() -> None:
    sampled = [rung.field for rung in SAMPLE_RUNGS]
    assert rungs_in(Sample.model_fields) == sampled
    assert rungs_in(column.name for column in schema.samples.columns) == sampled


def test_states_and_rates_have_every_rung() -> None:
    assert rungs_in(PoolState.__dataclass_fields__) == RUNG_FIELDS
    assert rungs_in(Rates.__dataclass_fields__) == RUNG_FIELDS


def test_rates_have_every_ratio_and_its_bounds() -> None:
    wanted = [one.field for one in RATIOS]
    wanted += [f"{one.field}_{end}" for one in RATIOS if one.bounded for end in ("low", "high")]
    assert sorted(name for name in Rates.__dataclass_fields__ if "_ratio" in name) == sorted(wanted)


def test_prometheus_names_are_the_tables() -> None:
    states = [PoolState("s", "p", "m", "x", "o", "fp16", "operational", 1.0, 5.0, 4.0, 3.0, 2.0, 0)]
    names = [name for name, _, rows in families(states, [], Outcomes(), config(), T0) if rows]
    wanted = [rung.site_gauge for rung in RUNGS] + [rung.fleet_gauge for rung in RUNGS]
    wanted += [f"suanli_fleet_{name}" for name in Rates.__dataclass_fields__ if "_ratio" in name]
    assert sorted(name for name in names if name.endswith("_pflops") or "suanli_fleet" in name) == sorted(wanted)
    assert [rung.site_gauge for rung in RUNGS] == [f"suanli_site_{name}" for name in RUNG_FIELDS]


def test_influx_fields_and_tags_are_the_tables() -> None:
    values = tuple(float(place) for place in range(len(INFLUX_RUNGS)))
    series, fields, at = line_of(Point(1, T0, "s", "p", "x", "o", values)).split(" ")
    measurement, *tags = series.split(",")
    assert measurement == INFLUX_MEASUREMENT == "compute"
    assert tuple(tag.split("=")[0] for tag in tags) == INFLUX_TAGS == tuple(sorted(INFLUX_TAGS))
    found = dict(field.split("=") for field in fields.split(","))
    assert {name: float(value) for name, value in found.items()} == {
        rung.field: float(place) for place, rung in enumerate(INFLUX_RUNGS)
    }
    assert list(found) == sorted(found)
    assert at == str(T0)


def test_every_row_says_what_it_means_in_both_languages() -> None:
    told = [(row.help, row.zh) for row in RUNGS] + [(row.help, row.zh) for row in RATIOS]
    assert all(help_.endswith(".") and zh for help_, zh in told)
