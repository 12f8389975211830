"""Reading back what a sink holds."""
