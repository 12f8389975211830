"""`suanli collect --record-case DIR`: what a real source answered, scrubbed, as a case for the tests.

A case is a folder: answers.json says which file answers what; the bodies; site.yaml; expected.json, which is what the
collector makes of them; and PROVENANCE.md, whose gaps a person fills. Either all of it is written or nothing.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import httpx
import orjson

from collectors.answers import Answer
from collectors.base import CollectError
from collectors.exchange import Exchange
from collectors.registry import REGISTRY, build
from collectors.replaying import ANSWERS, Replay
from collectors.scrubbing import Scrubber
from suanli.catalog.accelerators import load_accelerators
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.message import Message
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledPool, PolledSite, PollOutcome
from suanli.model.sample import Sample
from suanli.model.site import Auth, Pool, Site, Source
from suanli.model.units import Basis
from suanli.registry.file import write_sites
from suanli.registry.polled import PollDefaults, polled_site

_READ_HEADERS = ("link",)
"""Those that a collector reads."""
_LARGE = 64 << 10
_FIGURES = (*(rung.field for rung in SAMPLE_RUNGS), "online_devices", "used_devices", "quality")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written: answers, samples, and how many different words of each kind were replaced."""

    folder: Path
    answers: int
    samples: int
    replaced: Mapping[str, int]


def refuse_unless_recordable(site: PolledSite, folder: Path) -> None:
    """An InputError before anything is asked: of a kind that is not asked over HTTP, or for a folder that is in use."""
    name = site.source.kind
    kind = REGISTRY.get(name)
    if kind is None or kind.Settings.reached_by != "http":
        raise InputError(
            Problem(
                Message(
                    "{site} is of kind {kind}, which is not asked over HTTP: copy its tables or its program by hand",
                    site=site.id,
                    kind=name,
                ),
                key="--record-case",
            )
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(Problem(Message("{folder} is there and not empty", folder=folder), key="--record-case"))


def record_case(
    folder: Path, site: Site, asked: PolledSite, trail: Sequence[Exchange], outcome: PollOutcome
) -> Recorded:
    """Write the case; SuanliError where its replay does not say what the site said.

    site: as it is registered, with its pools. asked: the same as it was polled, by its source or its second signal.
    """
    heard = _heard(trail)
    url = asked.source.url or next((one.base for one, _ in heard), None)  # a kubeconfig names it
    asked = replace(asked, source=asked.source.model_copy(update={"url": url}))
    source = asked.source
    scrubber = Scrubber(_secrets(source.auth), _known(site, source))
    _learn(scrubber, source, heard)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        case = _site(scrubber, site, asked)
        _write_answers(made, scrubber, source, heard)
        (made / "site.yaml").write_text(write_sites([case]), encoding="utf-8")
        samples = _replayed(made, case, outcome.at)
        _compared(scrubber, outcome.samples, samples)
        (made / "expected.json").write_text(_golden(samples), encoding="utf-8")
        counts = scrubber.stand_ins.counts
        (made / "PROVENANCE.md").write_text(_provenance(source.kind, counts, _unheard(trail)), encoding="utf-8")
        made.chmod(0o755)
        made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Recorded(folder, len(heard), len(samples), dict(counts))


_Heard = list[tuple[Exchange, Answer]]


def _heard(trail: Iterable[Exchange]) -> _Heard:
    """What was of use, the last answer to each question: a list that was begun again replaces what came before."""
    found: dict[tuple[str, str, tuple[tuple[str, str], ...]], tuple[Exchange, Answer]] = {}
    for one in trail:
        if one.answer is None or one.fault:
            continue
        key = (one.base, one.path, tuple(one.params.items()))
        if key in found and found[key][0].content != one.content:
            raise SuanliError(
                Message(
                    "{path} was asked by several POSTs that differ in their bodies: a case cannot tell them apart",
                    path=one.path.partition("?")[0],
                )
            )
        found[key] = (one, one.answer)
    return list(found.values())


def _unheard(trail: Iterable[Exchange]) -> int:
    return sum(1 for one in trail if one.answer is None or one.fault)


def _secrets(auth: Auth) -> list[str]:
    return [ref.reveal().get_secret_value() for ref in (auth.password, auth.token, auth.kubeconfig) if ref is not None]


def _known(site: Site, source: Source) -> dict[str, str]:
    """The words that we know of the site by ourselves."""
    known = dict.fromkeys((site.id, site.name, site.operator, site.province), "site")
    known |= {word: "user" for word in (source.auth.user, source.auth.project, source.auth.domain) if word}
    urls = (source.url, source.auth.url)
    return known | {httpx.URL(url).host: "host" for url in urls if url}


def _learn(scrubber: Scrubber, source: Source, heard: _Heard) -> None:
    scrubber.learn({"url": source.url, "settings": source.settings})
    for one, answer in heard:
        scrubber.learn({"path": one.path, "base": one.base, **one.params})
        value = _json(answer.body)
        if value is None:
            scrubber.learn_text(_decoded(answer.body)[0])
        else:
            scrubber.learn(value)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _decoded(body: bytes) -> tuple[str, str]:
    """The text, and how it is encoded."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return body.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise SuanliError(Message("an answer is neither JSON nor text: it cannot be scrubbed"))


def _site(scrubber: Scrubber, site: Site, polled: PolledSite) -> Site:
    """What the collector has to know, and no more: neither how we sign in nor what was built."""
    source, basis = polled.source, {pool.id: pool.basis for pool in site.pools}
    kept = source.model_dump(include={"kind", "interval", "timeout", "max_age"})
    asked = Source(**kept, url=scrubber.text(source.url or ""), settings=scrubber.value(source.settings))
    stand_in = scrubber.stand_ins.word
    return Site(
        id=stand_in("site", site.id),
        name=stand_in("site", site.name),
        province=stand_in("site", site.province),
        operator=stand_in("site", site.operator),
        source=asked,
        pools=tuple(_pool(scrubber, pool, basis[pool.id]) for pool in polled.pools),
    )


def _pool(scrubber: Scrubber, pool: PolledPool, basis: Basis) -> Pool:
    match = pool.match and pool.match.model_copy(
        update={"label": scrubber.text(pool.match.label), "value": scrubber.text(pool.match.value)}
    )
    return Pool(id=scrubber.text(pool.id), model=pool.model, basis=basis, match=match)


def _write_answers(made: Path, scrubber: Scrubber, source: Source, heard: _Heard) -> None:
    rows = []
    for number, (one, answer) in enumerate(heard, start=1):
        base = "" if one.base == source.url else one.base
        row: dict[str, Any] = {"path": scrubber.text(base + one.path)}
        if one.params:
            row["params"] = scrubber.value(one.params)
        if headers := _headers(scrubber, answer):
            row["headers"] = headers
        rows.append(row | {"file": _write_body(made, scrubber, answer.body, number)})
    (made / ANSWERS).write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _headers(scrubber: Scrubber, answer: Answer) -> dict[str, str]:
    return {name: scrubber.text(answer.headers[name]) for name in _READ_HEADERS if name in answer.headers}


def _write_body(made: Path, scrubber: Scrubber, body: bytes, number: int) -> str:
    value = _json(body)
    if value is None:
        text, encoding = _decoded(body)
        data, name = scrubber.text(text).encode(encoding), f"answer-{number:02}.txt"
    else:
        data, name = orjson.dumps(scrubber.value(value), option=orjson.OPT_INDENT_2), f"answer-{number:02}.json"
    if len(data) > _LARGE:
        data, name = gzip.compress(data, mtime=0), f"{name}.gz"
    (made / name).write_bytes(data)
    return name


def _replayed(made: Path, case: Site, now: int) -> list[Sample]:
    site = cast(PolledSite, polled_site(case, PollDefaults(), load_accelerators()))  # it runs, and has a source
    try:
        return asyncio.run(build(site, Replay(made)).collect(now))
    except CollectError as error:
        raise SuanliError(
            Message("what was scrubbed can no longer be read, nothing was written: {why}", why=error)
        ) from None


def _compared(scrubber: Scrubber, live: Iterable[Sample], replayed: Iterable[Sample]) -> None:
    said, says = ({sample.pool: _figures(sample) for sample in samples} for samples in (live, replayed))
    said = {scrubber.text(pool): figures for pool, figures in said.items()}
    differing = sorted(pool for pool in said.keys() | says.keys() if said.get(pool) != says.get(pool))
    if differing:
        raise SuanliError(
            Message(
                "scrubbed, it no longer gives the figures that were polled; nothing was written; differing: {pools}",
                pools=", ".join(differing),
            )
        )
    if any(figures["refused"] for figures in says.values()):
        raise SuanliError(
            Message("the answer has numbers that were refused, so no case can expect it; nothing was written")
        )


def _figures(sample: Sample) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in _FIGURES} | {"refused": len(sample.refused)}


def _golden(samples: Iterable[Sample]) -> str:
    rows = [sample.model_dump(exclude={"site", "max_age", "refused"}) for sample in samples]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def _provenance(kind: str, replaced: Counter[str], unheard: int) -> str:
    words = ", ".join(f"{count} of kind {name}" for name, count in sorted(replaced.items())) or "nothing"
    missing = f"- **Not recorded here**: {unheard} questions without a usable answer; the test answers 404.\n"
    return (
        f"# {kind}: TO FILL IN: product and version\n\n"
        "- **Product**: TO FILL IN: product, version, where its packages are from.\n"
        "- **How recorded**: TO FILL IN: when, of how large a site. By `suanli collect --record-case`.\n"
        f"- **Scrubbed**: by the program, different words: {words}. TO FILL IN: who read it afterwards.\n"
        f"{missing if unheard else ''}"
        "- **Golden figures**: `expected.json`, what the collector made of these answers; TO FILL IN: by what they "
        "were counted independently.\n"
    )
