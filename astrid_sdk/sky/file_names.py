"""Which files are called like FITS files."""

from pathlib import PurePath

SUFFIXES = tuple(
    stem + packing for stem in (".fits", ".fit", ".fts", ".img") for packing in ("", ".gz", ".fz")
)


def is_fits_name(name: str) -> bool:
    """Return whether `name` ends like a FITS file, in any case; a leading dot is no stem."""
    lower = PurePath(name).name.lower()
    return lower.endswith(SUFFIXES) and not lower.startswith(".")
