"""One file per asset; each takes manifests, calls the session, hands out the result."""
