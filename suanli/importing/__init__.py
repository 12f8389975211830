"""History from files: what was written down elsewhere becomes samples, as if it had been polled then."""
