"""Bytes that somebody meant well, spoiled here and there."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

_HARD = [
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\t", b"\\", b'"', b"'", b",", b";", b":"),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"<",
        b">",
        b"&",
        b"#",
        b"*a",
        b"&a",
        b"!!python/object",
        b"<<: ",
        b"---\n",
        b"%s",
        b"${x}",
    ),
    *(b"-1", b"0", b"1e999", b"-0.0", b"NaN", b"null", b"true", b"4294967294", b"9" * 400, b"0x10", b"1_000", b"08"),
    *(b"2026-02-30", b"9999-12-31T23:59:59-23:59", b"0001-01-01", b"24:00", b"=1+1", b"@", b"\xe5\xae\x89", b" " * 3),
    *(b"[" * 300, b'{"a":' * 300, b"<a>" * 300, b'<!DOCTYPE a [<!ENTITY b "c">]>', b"&b;"),
]


@st.composite
def mutants(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds with one to six changes: bytes put in, taken out, doubled, moved, or the end lost."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(data))), draw(st.sampled_from([1, 2, 5, 20, 200]))
        cut = data[at : at + length]
        match draw(st.integers(0, 5)):
            case 0:
                data = data[:at] + draw(st.sampled_from(_HARD)) + data[at:]
            case 1:
                data = data[:at] + draw(st.sampled_from(_HARD)) + data[at + length :]
            case 2:
                data = data[:at] + data[at + length :]
            case 3:
                data = data[:at] + cut + data[at:]
            case 4:
                to = draw(st.integers(0, len(data)))
                data = data[:to] + cut + data[to:]
            case _:
                data = data[: at if draw(st.booleans()) else len(data)] + draw(st.binary(max_size=3))
    return data
