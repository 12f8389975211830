"""A Prometheus (or VictoriaMetrics, Thanos, Mimir) that already scrapes the centre's exporters."""
