"""Every file and secret that the configuration names is there and can be used."""

from __future__ import annotations

import ssl
from pathlib import Path

from suanli.config.access import TlsConfig
from suanli.config.whole import Config
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.secret import SecretRef
from suanli.model.yamlfile import Loc, YamlFile, dotted


def check_certificate(tls: TlsConfig) -> None:
    """An InputError says which of the two files cannot be used, and why."""
    for key, file in (("tls.cert", tls.cert), ("tls.key", tls.key)):
        try:
            Path(file).read_bytes()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(Problem(Message("{file} cannot be read: {why}", file=file, why=why), key=key)) from None
    try:  # a key with a password would else be asked for at the terminal
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert, tls.key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        told = Message(
            "{cert} and {key} are no certificate with its key, in PEM and without a password: {why}",
            cert=tls.cert,
            key=tls.key,
            why=why,
        )
        raise InputError(Problem(told, key="tls")) from None


def check_secrets(config: Config, path: Path | None = None) -> None:
    """Every file and secret that the configuration names is there; an InputError lists those that are not, by lines."""
    named: list[tuple[Loc, SecretRef | None]] = [(("store", "password"), config.store.password)]
    named.append((("read_token",), config.read_token))
    named += [(("sinks", place, "token"), sink.token) for place, sink in enumerate(config.sinks)]
    named += [(("notify", place, "url"), channel.url) for place, channel in enumerate(config.notify)]
    problems = [problem for loc, secret in named if secret for problem in _missing(secret, loc, path)]
    problems += _unusable(config.tls, path)
    if problems:
        raise InputError(problems)


def _unusable(tls: TlsConfig | None, path: Path | None) -> list[Problem]:
    try:
        if tls is not None:
            check_certificate(tls)
    except InputError as error:
        file = YamlFile.read(path) if path else None
        return [file.problem(tuple(one.key.split(".")), one.message) if file else one for one in error.problems]
    return []


def _missing(secret: SecretRef, loc: Loc, path: Path | None) -> list[Problem]:
    try:
        secret.reveal()
    except InputError as error:
        told = [problem.message for problem in error.problems]
        file = YamlFile.read(path) if path else None
        return [file.problem(loc, text) if file else Problem(text, key=dotted(loc)) for text in told]
    return []
