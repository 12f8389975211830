"""A program that prints samples, for what no other kind of source can ask."""
