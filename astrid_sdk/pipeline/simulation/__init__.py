"""The parts of the simulated survey: what is in the sky, how a camera sees it."""
