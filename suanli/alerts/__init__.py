"""The built-in evaluator: numbers as they are now, what follows from them for each alert, and what became of it."""
