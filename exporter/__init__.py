"""OUT: points to sinks, figures to Prometheus, the HTTP API and the page."""
