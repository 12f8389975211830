"""/metrics as gzip: one member that every reader unpacks to the same page; the known part is packed once per change."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import prometheus
from exporter.packing import Packed, accepts_gzip, packed
from suanli.store.sql import Store
from tests.exporter.making import SITES, Rendering, heard
from tests.suanli.making import T0, a_store


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(*SITES) as made:
        heard(made)
        yield made


@given(st.binary(max_size=5000), st.lists(st.binary(max_size=500), min_size=1, max_size=3))
def test_both_parts_come_out_of_one_member(text: bytes, ends: list[bytes]) -> None:
    known = packed(text)
    for end in ends:
        page = known.page(end)
        assert gzip.decompress(page) == text + end
        reader = zlib.decompressobj(zlib.MAX_WBITS | 16)  # as those who read the first member only
        assert reader.decompress(page) == text + end
        assert (reader.eof, reader.unused_data) == (True, b"")


def test_a_page_is_the_same_packed_and_its_sites_are_packed_once_per_change(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[bytes] = []

    def counted(text: bytes) -> Packed:
        texts.append(text)
        return packed(text)

    monkeypatch.setattr(prometheus, "packed", counted)
    exposition = Rendering(store)
    for _ in range(2):
        body, kind = exposition.packed_page("", T0)
        sites = exposition.sites(T0)
        assert gzip.decompress(body).startswith(sites)
        assert kind == exposition.page("", T0)[1]
    assert texts == [sites]
    heard(store, T0 + 60)
    again = gzip.decompress(exposition.packed_page("", T0 + 60)[0])
    assert texts == [sites, exposition.sites(T0 + 60)]
    assert again.startswith(texts[1])


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5, br", True),
        ("gzip; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=.5", True),
        ("gzip;q=nonsense", False),
        ("x-gzip-not", False),
        ("*", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_who_accepts_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
