"""Where ``dg scaffold`` puts new definitions."""
