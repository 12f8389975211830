"""Who is expected to report, with how much: sites, pools and the capacity ledger. Pure: the store keeps it."""
