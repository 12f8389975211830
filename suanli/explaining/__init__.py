"""Why the rates are what they are."""
