"""History from files: what was written down elsewhere becomes samples, as if it had been polled then.

rows.py reads CSV and JSON into rows with their places; samples.py says what the columns mean.
"""
