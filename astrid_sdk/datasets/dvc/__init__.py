"""Dataset versions as stock DVC sees them: a projection of ours, written and read by one client."""
