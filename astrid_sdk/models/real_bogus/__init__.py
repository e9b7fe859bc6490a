"""The real/bogus model: from labelled triplets to a score for each detection."""
