"""Named, immutable versions of sets of contents."""
