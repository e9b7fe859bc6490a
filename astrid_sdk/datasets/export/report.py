"""What an export wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from astrid_sdk.datasets.export.listing import MANIFEST
from astrid_sdk.rendering import html_table, human_bytes


@dataclass(frozen=True, slots=True, repr=False)
class Export:
    """A dataset version as a folder of its own.

    Attributes
    ----------
    version : str
        Such as ``"sn-train@v2"``.
    folder : Path
    formats : tuple of str
    files : int
        How many files it has, its own papers included.
    size_bytes : int
        Of all of them together.
    notes : tuple of str
        What a format could not hold, in sentences.
    """

    version: str
    folder: Path
    formats: tuple[str, ...]
    files: int
    size_bytes: int
    notes: tuple[str, ...] = ()

    @property
    def manifest(self) -> Path:
        """The list of checksums: ``sha256sum -c`` reads it within the folder."""
        return self.folder / MANIFEST

    @override
    def __repr__(self) -> str:
        head = f"{self.version} exported to {self.folder}: {self.files:,} files, "
        lines = [f"{head}{human_bytes(self.size_bytes)} ({', '.join(self.formats)})", *self.notes]
        return "\n".join([*lines, f"verify it there with: sha256sum -c {MANIFEST}"])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        rows: Sequence[tuple[str, object]] = [
            ("version", self.version),
            ("folder", self.folder),
            ("formats", ", ".join(self.formats)),
            ("files", f"{self.files:,}"),
            ("size", human_bytes(self.size_bytes)),
            *(("note", note) for note in self.notes),
            ("verify", f"sha256sum -c {MANIFEST}"),
        ]
        return {"text/plain": repr(self), "text/html": html_table(("export", ""), rows)}
