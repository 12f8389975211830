"""What is judged before a figure counts, and what an hourly look over the history finds. Pure."""
