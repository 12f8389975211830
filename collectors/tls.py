"""A site's TLS files: its own authority, and our certificate for it. Read again when one of them changes."""

from __future__ import annotations

import ssl

from collectors.base import Refused
from collectors.credentials import stamp_of
from suanli.model.site import Tls


class Contexts:
    """One context a TLS setting, and another one when a file of it is another: authorities and certificates end."""

    def __init__(self) -> None:
        self._known: dict[Tls, tuple[object, ssl.SSLContext]] = {}

    def of(self, tls: Tls) -> ssl.SSLContext:
        """The same object until a file changes; Refused if one of them cannot be used."""
        stamp = [stamp_of(file) for file in (tls.ca, tls.cert, tls.key) if file is not None]
        known = self._known.get(tls)
        if known is None or known[0] != stamp:
            known = self._known[tls] = stamp, _context(tls)
        return known[1]


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        if tls.ca:
            # What the operator names is the anchor, be it a root, an intermediate or the server's own certificate,
            # and old in-house authorities leave out extensions that newer Pythons insist on.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key, password="")  # or OpenSSL asks on the terminal
    except OSError as error:
        files = ", ".join(filter(None, (tls.ca, tls.cert, tls.key)))
        raise Refused(f"cannot use a certificate file of {files}: {error.strerror or 'not PEM'}") from None
    return context
