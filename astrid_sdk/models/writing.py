"""Files into a run or a logged model: content into the store, plain copies, then their hashes.

The order is a rule: a file without a recorded hash is listed as unverified, but a recorded hash
never speaks of a file that was not written.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.artifact_files import ArtifactFiles, LocalFile
from astrid_sdk.models.recorded_hashes import FOLDER, FileHash, record
from astrid_sdk.sky.file_names import media_type_of
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.storage.bulk_items import FileToStore, NewFile
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.storage.store_report import FailedFile
from astrid_sdk.tiers import Tier

RecordsOf = Callable[[Sequence[NewFile]], Iterable[Record]]


def files_of(path: Path, name: str = "") -> dict[str, Path]:
    """Return the file at `path`, or all below the folder, by what each is to be called.

    Parameters
    ----------
    path : Path
    name : str, optional
        What the file or folder is to be called; "" leaves a folder's files without one.

    Raises
    ------
    InvalidInputError
        Nothing is there, or the folder holds no file.
    """
    if path.is_file():
        return {name or path.name: path}
    found = {
        "/".join(filter(None, (name, file.relative_to(path).as_posix()))): file
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.relative_to(path).parts[0] != FOLDER
    }
    if not found:
        what = "an empty folder" if path.is_dir() else "not there"
        raise InvalidInputError(f"{path} is {what}: give a model's file or folder", kind="model")
    return found


def write_files(
    cas: ContentAddressedStorage,
    target: ArtifactFiles,
    files: Mapping[str, Path],
    tier: Tier,
    records_of: RecordsOf,
) -> list[FileHash]:
    """Write local files at their paths below `target`, and return their hashes.

    Parameters
    ----------
    cas : ContentAddressedStorage
        Where their content goes as well: it is found by hash, and can be restored from there.
    target : ArtifactFiles
    files : mapping of str to Path
    tier : Tier
    records_of : callable
        What to record of the stored contents.

    Raises
    ------
    AstridError
        The first thing that went wrong; nothing is recorded then. Calling again is safe.
    """
    given = [FileToStore(path, local, media_type_of(local.name)) for path, local in files.items()]
    stored: dict[str, LocalFile] = {}
    for outcome in cas.put_files(given, tier, records_of):
        if isinstance(outcome, FailedFile):
            raise outcome.error or InvalidInputError(f"{outcome.name}: {outcome.reason}")
        stored[outcome.name] = LocalFile(
            files[outcome.name],
            outcome.content_hash,
            outcome.size_bytes,
            blob_key(outcome.content_hash, tier),
        )
    target.put(stored)
    hashes = [FileHash(path, file.content_hash, file.size_bytes) for path, file in stored.items()]
    record(target, hashes)
    return hashes


def ingested(origin: str, tier: Tier) -> RecordsOf:
    """Return what makes records that say the contents came as files of `origin`, a URI."""

    def records_of(files: Sequence[NewFile]) -> list[Record]:
        return [
            Record(
                kind=RecordKind.INGEST,
                content_hash=str(new.content_hash),
                tier=tier,
                size_bytes=new.size_bytes,
                media_type=new.file.content_type,
                name=new.file.name,
                origin=f"{origin}/{new.file.name}",
            )
            for new in files
        ]

    return records_of


def nothing_recorded(_files: Sequence[NewFile]) -> list[Record]:
    """Record nothing: the derivation that names the contents does."""
    return []
