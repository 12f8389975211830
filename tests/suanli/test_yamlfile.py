"""YAML read strictly: every mistake with file, line, key and what was expected."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from suanli.model.errors import InputError, Problem
from suanli.model.units import Duration, duration_text, seconds_of
from suanli.model.yamlfile import MAX_BYTES, YamlFile, dotted


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    count: int = 0
    for_: Duration = Field(default=60, alias="for")
    since: date | datetime | None = None


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = ""
    inner: Inner = Inner()
    many: list[Inner] = []


def told(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        YamlFile("f.yaml", text).load(Outer)
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("nme: x\n", "f.yaml:1: nme: unknown key; did you mean name?"),
        ("zzz: x\n", "f.yaml:1: zzz: unknown key; known here: inner, many, name"),
        ("name: x\ninner:\n  cuont: 1\n", "f.yaml:3: inner.cuont: unknown key; did you mean count?"),
        ("many:\n  - count: 1\n  - {fr: 1m}\n", "f.yaml:3: many[1].fr: unknown key; did you mean for?"),
        ("many:\n  - count: many\n", "f.yaml:2: many[0].count: should be a valid integer"),
        ("inner: {for: 60}\n", "f.yaml:1: inner.for: a duration needs its unit: write 60s, not 60"),
        ("inner: {for: 60 parsecs}\n", "f.yaml:1: inner.for: expected a duration such as 60s, 10m, 1h or 90d"),
        ("inner: {for: 0s}\n", "f.yaml:1: inner.for: a duration must be at least 1s"),
        ("name: a\n\nname: b\n", "f.yaml:3: name: this key is written twice"),
        ("inner:\n  count: 1\n  count: 1\n", "f.yaml:3: count: this key is written twice"),
        ("many:\n  - {count: 1, count: 2}\n", "f.yaml:2: count: this key is written twice"),
        ("name: [\n", "is not valid YAML: "),
        ("name: a\n\tinner: b\n", "f.yaml:2: is not valid YAML: found "),
        ("? [a, b]\n: c\n", "f.yaml:1: is not valid YAML: found unhashable key"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: is not valid YAML: but found another document"),
        ("name: &a [*a]\n", "f.yaml: is not valid YAML: maximum recursion depth exceeded"),
        ("name: !!python/name:os.system\n", "is not valid YAML: could not determine a constructor"),
        ("- a\n", "f.yaml:1: expected a mapping of keys to values"),
        ("text\n", "f.yaml:1: expected a mapping of keys to values"),
        ("inner: {since: 2024-02-30}\n", "f.yaml:1: inner.since: should be a valid date"),
        ("inner:\n  since: 2024-13-01T00:00:00Z\n", "f.yaml:2: inner.since: should be a valid date"),
        ("inner: {since: soon}\n", "f.yaml:1: inner.since: should be a valid date"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, wanted: str) -> None:
    assert any(wanted in line for line in told(text)), told(text)


def test_all_mistakes_are_told_at_once() -> None:
    assert told("nme: x\ninner:\n  for: 5\nmany:\n  - count: a\n") == [
        "f.yaml:3: inner.for: a duration needs its unit: write 5s, not 5",
        "f.yaml:5: many[0].count: should be a valid integer",
        "f.yaml:1: nme: unknown key; did you mean name?",
    ]


def test_days_and_times_are_read_as_such() -> None:
    read = YamlFile("f.yaml", "many: [{since: 2024-02-29}, {since: 2024-02-29T08:00:00+08:00}]\n").load(Outer)
    assert [type(one.since) for one in read.many] == [date, datetime]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"name: \xff\xfe\n", "is not UTF-8 (byte 6)"),
        (b"#" * (MAX_BYTES + 1), "larger than 32 MiB"),
        (b"name: \x00\n", "is not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "f.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        YamlFile.read(file)
    assert str(caught.value).startswith(str(file))
    assert told in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        YamlFile.read(tmp_path)


def problems_of(text: str) -> tuple[Problem, ...]:
    try:
        YamlFile("f.yaml", text).load(Outer)
    except InputError as error:
        return error.problems
    return ()


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_an_input_error(text: str) -> None:
    assert all(problem.file == "f.yaml" for problem in problems_of(text))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "inner", "many", "nmae"]), values))
def test_any_data_is_read_or_refused_with_lines(data: dict[str, object]) -> None:
    text = yaml.safe_dump(data, allow_unicode=True, default_flow_style=False)
    lines = [problem.line for problem in problems_of(text)]
    assert all(line is not None and 1 <= line <= len(text.splitlines()) for line in lines)


@given(st.integers(1, 10**9))
def test_a_duration_is_written_as_it_is_read(seconds: int) -> None:
    assert seconds_of(duration_text(seconds)) == seconds


def test_a_place_is_written_with_dots_and_brackets() -> None:
    assert dotted(("sites", 0, "pools", 1, "id")) == "sites[0].pools[1].id"
    assert str(Problem("wrong", "f", 3, "k")) == "f:3: k: wrong"
    assert str(Problem("wrong")) == "wrong"
