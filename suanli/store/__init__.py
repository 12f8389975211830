"""The durable record: samples, capacity ledger, registry, cursors and quarantine, through SQLAlchemy Core."""
