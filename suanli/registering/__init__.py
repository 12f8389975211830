"""Changes of the registry as people ask for them: planned, checked, told, and what they do to published figures."""

from suanli.registering.plans import planned

__all__ = ["planned"]
