"""The routes, one module per noun; each takes input, asks, and hands out the answer."""
