"""Whatever comes, a reader gives what it can read or says in its own words that it cannot; never anything else."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutating import mutants
from tests.fuzz.readers import Reader, readers

INPUTS = int(os.environ.get("SUANLI_FUZZ", "25"))
"""For each reader."""
ALL = readers()
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]
every_reader = pytest.mark.parametrize("reader", ALL, ids=lambda reader: reader.name)


def test_every_kind_that_is_asked_over_http_is_among_them() -> None:
    assert len(ALL) >= 30


@every_reader
def test_what_is_well_is_read(reader: Reader) -> None:
    for seed in reader.seeds:
        reader.read(seed)


@every_reader
@settings(max_examples=INPUTS, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_what_is_spoiled_is_read_or_told(reader: Reader, data: st.DataObject) -> None:
    spoiled = data.draw(mutants(reader.seeds))
    with suppress(*reader.says):
        reader.read(spoiled)
