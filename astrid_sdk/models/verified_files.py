"""Files of a run or model, read with their recorded hashes in mind."""

import hashlib
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from astrid_sdk.errors import CorruptionError
from astrid_sdk.models.artifact_files import ArtifactFiles, ListedFile, StoreFiles, local_file
from astrid_sdk.models.artifact_places import ArtifactPlace
from astrid_sdk.models.recorded_hashes import FileHash, is_ours, recorded


class VerifiedFiles:
    """The files of one run or model.

    Parameters
    ----------
    files : ArtifactFiles
    place : ArtifactPlace
        Whose they are.
    """

    def __init__(self, files: ArtifactFiles, place: ArtifactPlace) -> None:
        self.files = files
        self._place = place

    @cached_property
    def _recorded(self) -> dict[str, tuple[FileHash, ...]]:
        return dict(recorded(self.files))

    def listed(self, below: str = "") -> Iterator[ListedFile]:
        """Yield the files, without our lists of hashes."""
        return (found for found in self.files.listed(below) if not is_ours(found.path))

    def hash_of(self, path: str) -> str | None:
        """Return the hash that was recorded of a file last, None where nobody did."""
        told = self._recorded.get(path)
        return told[0].content_hash if told else None

    def recorded_below(self, below: str = "") -> list[str]:
        """Return the paths in a folder of which a hash was recorded, or the file called so."""
        told = self._recorded
        return [path for path in told if not below or path == below or path.startswith(f"{below}/")]

    def read(self, path: str) -> bytes:
        """Return a file's bytes, verified where a hash was recorded; see `save`."""
        with tempfile.TemporaryDirectory(prefix="astrid-") as folder:
            return self.save(path, Path(folder) / "content").read_bytes()

    def save(self, path: str, target: Path) -> Path:
        """Write a file to `target` at constant memory, verified; what was there stays otherwise.

        Raises
        ------
        NotFoundError
            The file is not there.
        CorruptionError
            Its bytes have none of the hashes that were recorded; the message names both.
        """
        told = [each.content_hash for each in self._recorded.get(path, ())]
        partial = target.with_name(f".{target.name}.astrid-part")
        try:
            self._fetch(path, partial, told)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    def _fetch(self, path: str, target: Path, told: list[str]) -> None:
        expected = told[0] if len(told) == 1 else None
        try:
            self.files.save(path, target, expected)
        except CorruptionError as error:
            raise self._damaged(path, told, self._hash_there(path)) from error
        if told and not (expected and isinstance(self.files, StoreFiles)):
            found = local_file(target).content_hash
            if found not in told:
                raise self._damaged(path, told, found)

    def _hash_there(self, path: str) -> str:
        if not isinstance(self.files, StoreFiles):
            return "other bytes"
        digest = hashlib.sha256()
        for piece in self.files.raw_pieces(path):
            digest.update(piece)
        return digest.hexdigest()

    def _damaged(self, path: str, told: list[str], found: str) -> CorruptionError:
        shown = ArtifactPlace(self._place.root, self._place.owner, path).shown
        expected = " or ".join(told) or "the one that the store keeps beside it"
        sound = f"; a sound copy may be in the store: astrid get {told[0][:12]}" if told else ""
        return CorruptionError(
            f"{shown} is damaged: its SHA-256 is {found} and must be {expected}; it was not "
            f"handed out{sound}",
            kind="artifact",
        )
