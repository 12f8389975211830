"""The samples of small worlds: a grid of slots with gaps, and words that come late, early, twice or shifted."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.oracle.recorded import SampleEvent

FIGURES: tuple[tuple[float | None, float | None, float | None], ...] = (
    (4.0, 2.0, 1.0),
    (8.0, 6.5, None),
    (8.0, 8.0, 0.5),
    (2.5, 1.5, 1.5),
    (4.0, 0.0, 0.0),
    (0.0, 0.0, 0.0),
    (4.0, None, None),
    (6.0, None, 2.0),
    (None, None, None),
    (None, 3.0, 1.0),
    (3.0, 5.0, 1.0),
    (200.0, 1.0, 2.5),
    (0.1, 0.1, 0.1),
    (1 / 3, 0.3, None),
    (7.77, 1e-3, 1e-9),
)
KINDS = (*("plain",) * 6, "missing", "missing", "shifted", "late", "early", "twin", "replaced", "age")


@st.composite
def samples(draw: st.DrawFn, hour: int, pool: str) -> list[SampleEvent]:
    """One slot after the other of a grid, each with its own luck.

    Of every row, at - 10 <= source_at < at + interval and recorded_at >= source_at - 300.
    A slot that is told again supersedes what was told of it.
    """
    interval = draw(st.sampled_from((60, 30, 15, 10, 120)))
    age = draw(st.sampled_from((3 * interval, interval, 2 * interval - 7, interval - 1, 1, 600)))
    at = hour + interval * draw(st.integers(-600 // interval, 60 // interval))
    slots = draw(st.sampled_from((12, 25, 18, 30, 3, 1, 0)))
    kinds = st.tuples(st.sampled_from(KINDS), st.sampled_from(FIGURES))
    rows: list[SampleEvent] = []
    for kind, figures in draw(st.lists(kinds, min_size=slots, max_size=slots)):
        source_at = at + min(3, interval - 1)
        plain = SampleEvent(pool, at, source_at, source_at + 2, None, age, None, None, None, "ok")
        rows += _slot(draw, kind, _figured(plain, figures), interval)
        at += 2 * interval if kind == "twin" else interval
    return rows


def _slot(draw: st.DrawFn, kind: str, plain: SampleEvent, interval: int) -> list[SampleEvent]:
    """The rows of one slot, of two for `twin`."""
    if kind in ("plain", "missing"):
        return [plain] if kind == "plain" else []
    if kind in ("late", "early"):
        delay = st.integers(60, 4000) if kind == "late" else st.integers(-300, -1)
        return [plain._replace(recorded_at=plain.source_at + draw(delay))]
    if kind == "age":
        return [plain._replace(max_age=draw(st.sampled_from((1, 5, interval, 4 * interval, 900))))]
    if kind == "twin":
        return _twins(draw, _told_at(plain, plain.at + interval - draw(st.integers(1, 10))), interval)
    shifted = _told_at(plain, plain.at + draw(st.integers(-10, interval - 1)))
    return [shifted] if kind == "shifted" else _replaced(draw, plain, shifted)


def _told_at(sample: SampleEvent, source_at: int) -> SampleEvent:
    return sample._replace(source_at=source_at, recorded_at=max(source_at, sample.at) + 2)


def _twins(draw: st.DrawFn, sample: SampleEvent, interval: int) -> list[SampleEvent]:
    """Two neighbouring slots with words of the same second."""
    following = _figured(sample, draw(st.sampled_from(FIGURES)))
    recorded_at = sample.recorded_at + draw(st.sampled_from((12, 25, 18, 30, 3, 1, 0)))
    return [sample, following._replace(at=sample.at + interval, recorded_at=recorded_at)]


def _replaced(draw: st.DrawFn, first: SampleEvent, then: SampleEvent) -> list[SampleEvent]:
    """The slot's first word, superseded once or twice; perhaps within the second in which it was recorded."""
    rows = [first]
    for new in [then, first][: draw(st.integers(1, 2))]:
        recorded_at = rows[-1].recorded_at + draw(st.integers(0, 60) | st.integers(0, 3000))
        rows[-1] = rows[-1]._replace(superseded_at=recorded_at)
        rows.append(_figured(new, draw(st.sampled_from(FIGURES)))._replace(recorded_at=recorded_at))
    return rows


def _figured(sample: SampleEvent, figures: tuple[float | None, float | None, float | None]) -> SampleEvent:
    online, used, busy = figures
    return sample._replace(online=online, used=used, busy=busy, quality="partial" if None in figures else "ok")
