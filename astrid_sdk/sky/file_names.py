"""What the names of files tell."""

import mimetypes
from pathlib import PurePath

SUFFIXES = tuple(
    stem + packing for stem in (".fits", ".fit", ".fts", ".img") for packing in ("", ".gz", ".fz")
)
_UNKNOWN = "application/octet-stream"


def is_fits_name(name: str) -> bool:
    """Return whether `name` ends like a FITS file, in any case; a leading dot is no stem."""
    lower = PurePath(name).name.lower()
    return lower.endswith(SUFFIXES) and not lower.startswith(".")


def media_type_of(name: str) -> str:
    """Return the media type that a file's name tells."""
    if is_fits_name(name):
        return "application/gzip" if name.lower().endswith(".gz") else "application/fits"
    return mimetypes.guess_type(PurePath(name).name)[0] or _UNKNOWN
