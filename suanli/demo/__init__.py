"""The demonstration city: simulated management APIs of ten sites, spoken over real HTTP on loopback.

The city is invented; its devices and their peaks are those of the catalogue.
"""
