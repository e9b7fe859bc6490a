"""What do we have: conditions, and the rows that meet them."""
