"""What comes from outside, spoiled: a few inputs in `make test`, 100,000 and more in `make fuzz`."""
