"""Listings of what is registered, in one shape for the command line and the API."""

from suanli.listing.alerts import alert_row
from suanli.listing.ledger import ledger_rows
from suanli.listing.second import disagreement_rows
from suanli.listing.sites import pool_rows, site_history, site_row
from suanli.listing.trail import trail_row
from suanli.listing.windows import window_row, window_rows

__all__ = [
    "alert_row",
    "disagreement_rows",
    "ledger_rows",
    "pool_rows",
    "site_history",
    "site_row",
    "trail_row",
    "window_row",
    "window_rows",
]
