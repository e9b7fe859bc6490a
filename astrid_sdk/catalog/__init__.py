"""What do we have, and why: the index, searches, derivations and lineage."""
