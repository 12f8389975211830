"""Which sites a listing is about."""

from __future__ import annotations

from dataclasses import dataclass

from suanli.model.site import Site


@dataclass(frozen=True, slots=True)
class Where:
    """Only sites that have all of this, in its exact words; None: whichever. They are as they are registered now."""

    site: str | None = None
    operator: str | None = None
    province: str | None = None
    status: str | None = None

    def fits(self, site: Site) -> bool:
        said = (self.site, site.id), (self.operator, site.operator), (self.province, site.province)
        return all(wanted in (None, is_) for wanted, is_ in (*said, (self.status, site.status)))

    @property
    def everywhere(self) -> bool:
        """Whether nothing was said."""
        return self == Where()


EVERYWHERE = Where()
