"""Bytes by key and bytes by hash: the stores, and what is recorded of their contents."""
