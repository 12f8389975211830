"""Ray through its dashboard."""
