"""A second signal as the command line shows it."""

from __future__ import annotations

from pathlib import Path

from suanli.listing import disagreement_rows
from tests.suanli.making import T0, Clock, a_sample, a_store
from tests.suanli.running import suanli
from tests.suanli.test_second_signal import checked


def test_the_command_and_the_api_tell_it_and_explain_shows_it(tmp_path: Path) -> None:
    with a_store(checked(), folder=tmp_path, clock=Clock(T0 + 5)) as store:
        store.append([a_sample(T0, 80.0, 40.0)])
        store.append_second([a_sample(T0, 80.0, 50.0)])
        expected = disagreement_rows(store, T0)
    at = ["--at", "2026-11-24T06:00Z"]
    assert suanli(tmp_path, "disagreements", *at, "--json").data == expected
    assert expected["disagreements"][1] == {
        "site": "s", "pool": "p", "rung": "used", "source_pflops": 40.0, "second_pflops": 50.0,
        "disagreement_pflops": 10.0, "disagreement_ratio": 0.2,
    }  # fmt: skip
    shown = suanli(tmp_path, "--lang", "en", "disagreements", *at).out
    assert [line.split() for line in shown.splitlines() if " used " in line] == [
        ["s", "p", "used", "40.0", "P", "50.0", "P", "10.0", "P", "20.0", "%"]
    ]
    none = suanli(tmp_path, "--lang", "en", "disagreements", *at, "--as-of", "2026-11-24T05:59Z")
    assert (none.code, none.out) == (0, "")
    assert "no site of which two signals are heard" in none.err
    explained = suanli(tmp_path, "--lang", "en", "rates", "explain", *at).out
    line = "second signal, which does not count: 2026-11-24 14:00:00, online 80.0 P, used 50.0 P"
    assert f"  {line}" in explained.splitlines()


def test_collect_asks_the_second_signal(tmp_path: Path) -> None:
    with a_store(checked(), folder=tmp_path):
        pass
    assert "not-there" in suanli(tmp_path, "collect", "not-there", "--cross-check").err
    refused = suanli(tmp_path, "collect", "other", "--cross-check")
    assert (refused.code, "sites with a cross_check: s" in refused.err) == (2, True)
