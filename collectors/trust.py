"""Whom a connection trusts and who it says that we are: from the files of a site's `tls`, or from texts.

Files are read again when one of them changes.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field

from collectors.base import Refused
from collectors.credentials import stamp_of
from suanli.model.site import Tls


@dataclass(frozen=True, slots=True)
class Pem:
    """Certificates as texts. owner: the site whose connections they are for; "" stands for what is not given."""

    owner: str
    ca: str = field(default="", repr=False)
    cert: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


Trust = Tls | Pem


class Contexts:
    """One context for all who trust alike, and another one when a file of it is another: authorities end."""

    def __init__(self) -> None:
        self._known: dict[Trust, tuple[object, ssl.SSLContext]] = {}

    def of(self, trust: Trust) -> ssl.SSLContext:
        """The same object until a file changes; Refused if what is given cannot be used."""
        files = (trust.ca, trust.cert, trust.key) if isinstance(trust, Tls) else ()
        stamp = [stamp_of(file) for file in files if file is not None]
        known = self._known.get(trust)
        if known is None or known[0] != stamp:
            known = self._known[trust] = stamp, context_of(trust)
        return known[1]

    def forget(self, trust: Trust) -> None:
        self._known.pop(trust, None)


def context_of(trust: Trust) -> ssl.SSLContext:
    """Refused if what is given cannot be used."""
    return _of_files(trust) if isinstance(trust, Tls) else _of_texts(trust)


def _of_files(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        if tls.ca:
            _anchored(context)
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key, password="")  # or OpenSSL asks on the terminal
    except OSError as error:
        files = ", ".join(filter(None, (tls.ca, tls.cert, tls.key)))
        raise Refused(f"cannot use a certificate file of {files}: {error.strerror or 'not PEM'}") from None
    return context


def _of_texts(pem: Pem) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=pem.ca or None)
        if pem.ca:
            _anchored(context)
        if pem.cert:
            _load(context, pem)
    except (OSError, ValueError):
        raise Refused(
            "a certificate or key of the kubeconfig cannot be used: is it PEM, and are both of one pair?"
        ) from None
    return context


def _load(context: ssl.SSLContext, pem: Pem) -> None:
    """OpenSSL reads our own certificate from a file alone: one that only we may read, and that is gone at once."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".pem") as file:
        file.write(f"{pem.cert}\n{pem.key}\n")
        file.flush()
        context.load_cert_chain(file.name, password="")


def _anchored(context: ssl.SSLContext) -> None:
    """What the operator names is the anchor, be it a root, an intermediate or the server's own certificate, and old
    in-house authorities leave out extensions that newer Pythons insist on."""
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
