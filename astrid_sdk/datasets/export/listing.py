"""Which files an export has, and the list of their checksums that ``sha256sum -c`` reads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from astrid_sdk.sky.file_names import media_type_of
from astrid_sdk.storage.hashing import hash_file

MANIFEST = "MANIFEST.sha256"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})  # as GNU coreutils 9
_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".npy": "application/octet-stream",
    ".json": "application/json",
    ".md": "text/markdown",
    ".cff": "application/yaml",
    ".properties": "text/plain",
    ".csv": "text/csv",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an export.

    Attributes
    ----------
    path : str
        In the export, with slashes.
    content_hash : str
        SHA-256 of its bytes.
    size_bytes : int
    media_type : str
    """

    path: str
    content_hash: str
    size_bytes: int
    media_type: str


def listed(folder: Path, paths: Iterable[Path]) -> Iterator[Entry]:
    """Yield an entry for each of `paths` in `folder`, read for its hash."""
    for path in sorted(paths):
        digests, _ = hash_file(path)
        name = path.relative_to(folder).as_posix()
        yield Entry(name, digests.content_hash, digests.size_bytes, media_type_in(name))


def media_type_in(name: str, known: str | None = None) -> str:
    """Return the media type of a file in an export: what is known, or what its name says."""
    return known or _TYPES.get(Path(name).suffix.lower()) or media_type_of(name)


def checksums(entries: Sequence[Entry]) -> str:
    """Return a line per entry as GNU ``sha256sum`` writes it.

    A name with a backslash or a line's end is escaped, and its line starts with a backslash.
    """
    lines = []
    for entry in sorted(entries, key=lambda entry: entry.path):
        name = entry.path.translate(_ESCAPES)
        mark = "" if name == entry.path else "\\"
        lines.append(f"{mark}{entry.content_hash}  {name}\n")
    return "".join(lines)
