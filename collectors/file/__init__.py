"""A folder into which a centre drops its tables."""
