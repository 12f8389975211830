"""What every number is: sites, capacity, samples, the table of metrics, and the rates made of them."""
