"""Redfish: the management controllers (BMCs) of a site's machines, each asked for its accelerators."""
