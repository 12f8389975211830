"""The boards: one function per panel."""
