"""IN: one folder per kind of management API; the world's clocks, faults and lies end here."""
