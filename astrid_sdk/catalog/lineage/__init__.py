"""What was made from what: up to the raw files, down to what came of them."""
