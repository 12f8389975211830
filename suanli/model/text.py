"""Text that people give us and others read: one line, without characters that could break or turn it."""

from __future__ import annotations

_NEVER = r"\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069"
PLAIN = rf"^[^{_NEVER}]+$"
"""Control characters could break a label, a tag, a CSV cell or a terminal; others turn the direction of writing."""
PLAIN_OR_NOTHING = PLAIN.replace("+$", "*$")
SAID = rf"^[^{_NEVER}]*[^{_NEVER}\s][^{_NEVER}]*$"
"""The same with something in it that is not blank."""
