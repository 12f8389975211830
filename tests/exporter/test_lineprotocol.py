"""Line protocol, read back by a small parser of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.lineprotocol import escaped, line_of, lines_of
from suanli.model.metric import INFLUX_RUNGS
from suanli.store.sql import Point

FIELDS = [rung.field for rung in INFLUX_RUNGS]
nasty = st.text(
    st.sampled_from(",= \\\n\r\t\"'芜a") | st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8
)
points = st.builds(
    Point,
    seq=st.integers(1, 10**9),
    at=st.integers(0, 2**33),
    site=nasty,
    pool=nasty,
    province=nasty,
    operator=nasty,
    values=st.tuples(*(st.none() | st.floats(0, 1e6) for _ in FIELDS)),
)


def parted(text: str, mark: str) -> list[str]:
    """Split at marks that no backslash stands before; a backslash goes with the character that follows."""
    parts, place = [""], 0
    while place < len(text):
        step = 2 if text[place] == "\\" else 1
        if step == 1 and text[place] == mark:
            parts.append("")
        else:
            parts[-1] += text[place : place + step]
        place += step
    return parts


def plain(text: str) -> str:
    """A tag's value as InfluxDB keeps it: a backslash before a mark is taken off, every other one is kept."""
    for mark in ",= ":
        text = text.replace("\\" + mark, mark)
    return text


def parsed(line: str) -> tuple[str, list[tuple[str, str]], dict[str, float], int]:
    series, fields, at = parted(line, " ")
    measurement, *tags = parted(series, ",")
    pairs = [tuple(parted(tag, "=")) for tag in tags]
    assert all(len(pair) == 2 for pair in pairs)
    return (
        measurement,
        pairs,
        {name: float(value) for name, value in (one.split("=") for one in fields.split(","))},
        int(at),
    )  # type: ignore[return-value] # pairs


def test_a_line() -> None:
    point = Point(1, 1_795_500_000, "wh-1", "a100", "安徽", "示例 运营,方=一", (312.0, 280.8, 0.0, None))
    assert line_of(point) == (
        r"compute,operator=示例\ 运营\,方\=一,pool=a100,province=安徽,site=wh-1"
        " built_pflops=312.0,online_pflops=280.8,used_pflops=0.0 1795500000"
    )


@given(points)
def test_a_line_is_read_back(point: Point) -> None:
    line = line_of(point)
    known = {name: value for name, value in zip(FIELDS, point.values, strict=True) if value is not None}
    if not known:
        assert line == ""
        return
    assert "\n" not in line
    assert "\r" not in line
    measurement, tags, fields, at = parsed(line)
    assert (measurement, fields, at) == ("compute", known, point.at)
    assert [name for name, _ in tags] == ["operator", "pool", "province", "site"]
    for name, value in tags:
        wanted = getattr(point, name)
        for blank in "\n\r\t":
            wanted = wanted.replace(blank, " ")
        assert plain(value) == wanted.replace("\\", "/")
        assert value != ""


@given(st.lists(points, max_size=5))
def test_lines_have_no_empty_line_and_fields_are_sorted(several: list[Point]) -> None:
    lines = lines_of(several).decode().split("\n")
    told = [point for point in several if any(value is not None for value in point.values)]
    assert lines == ([""] if not told else [line_of(point) for point in told])
    for line in filter(None, lines):
        fields = list(parsed(line)[2])
        assert fields == sorted(fields)


@given(nasty, nasty)
def test_a_value_never_runs_into_the_next_tag(first: str, second: str) -> None:
    assert len(parted(f"m,a={escaped(first)},b={escaped(second)} x=1", ",")) == 3
    assert len(parted(f"m,a={escaped(first)} x=1", " ")) == 2


def test_what_line_protocol_cannot_carry_is_replaced() -> None:
    """Seen on a real InfluxDB 2.7: test_real_sinks.py."""
    assert escaped("a\\b") == "a/b"
    assert escaped("a\\") == "a/"
    assert escaped("a\\,b") == "a/\\,b"
    assert escaped("a\nb\tc\rd") == "a\\ b\\ c\\ d"
