"""Dataset versions as folders that stand alone: files, tables, checksums, and how to cite them."""
