"""Kubernetes through its API server: device plug-ins, shared devices and dynamic resource allocation."""
