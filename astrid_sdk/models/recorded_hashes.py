"""The SHA-256 of MLflow's files, kept beside them: ``.astrid/<hash>.json``.

Each call that writes files adds one such list, named by the SHA-256 of its own bytes and never
changed (format version 1): two writers at once lose nothing, and the lists move with the files.
A file may be in several lists, when it was written again; each hash there was written by us.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from astrid_sdk.canonical import canonical_json, sha256_hex
from astrid_sdk.errors import CorruptionError
from astrid_sdk.formats import read_versioned
from astrid_sdk.models.artifact_files import ArtifactFiles
from astrid_sdk.storage.records import current_author

FOLDER = ".astrid"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class FileHash:
    """What a file held when it was written."""

    path: str
    content_hash: str
    size_bytes: int


def is_ours(path: str) -> bool:
    """Return whether a file among artifacts is one of these lists."""
    return path.startswith(f"{FOLDER}/")


def record(files: ArtifactFiles, hashes: Iterable[FileHash]) -> None:
    """Write a list of `hashes` beside the files, after these were written."""
    content = canonical_json(
        {
            "format_version": FORMAT_VERSION,
            "files": [asdict(each) for each in sorted(hashes, key=lambda each: each.path)],
            "author": current_author(),
            "created_at": datetime.now(UTC).isoformat(),
        }
    )
    files.write(f"{FOLDER}/{sha256_hex(content)}.json", content)


def recorded(files: ArtifactFiles) -> Mapping[str, tuple[FileHash, ...]]:
    """Return by path what was recorded, the newest first.

    Raises
    ------
    CorruptionError
        A list does not hold the bytes that its name says.
    """
    told: list[tuple[str, list[FileHash]]] = []
    with tempfile.TemporaryDirectory(prefix="astrid-") as folder:
        for found in list(files.listed(FOLDER)):
            target = Path(folder) / "list.json"
            files.save(found.path, target, None)
            told.append(_read(found.path, target.read_bytes(), files.uri))
            target.unlink()
    by_path: dict[str, dict[str, FileHash]] = {}
    for _, hashes in sorted(told, key=lambda each: each[0], reverse=True):
        for each in hashes:
            by_path.setdefault(each.path, {}).setdefault(each.content_hash, each)
    return {path: tuple(found.values()) for path, found in by_path.items()}


def _read(path: str, content: bytes, uri: str) -> tuple[str, list[FileHash]]:
    if Path(path).stem != sha256_hex(content):
        raise CorruptionError(
            f"the list of hashes {path} at {uri} does not hold the bytes its name says "
            f"({sha256_hex(content)}): nothing there can be verified; restore it from a copy",
            kind="hash_list",
        )
    value = read_versioned(content, FORMAT_VERSION, "a list of hashes")
    return str(value["created_at"]), [FileHash(**each) for each in value["files"]]
