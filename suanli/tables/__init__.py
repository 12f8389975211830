"""Tables of figures that people and programs write down: CSV, JSON and Excel, row by row, each with its place.

rows.py says which columns there are, files.py and workbook.py read them, cells.py and figures.py say what they mean.
"""
