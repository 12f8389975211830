"""The registry as a spreadsheet: read with every mistake named by its cell, and written as a form to fill in."""
