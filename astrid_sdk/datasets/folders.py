"""A folder on this machine as the files of a dataset: stored in bulk, under their paths in it."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from astrid_sdk.catalog.ingest.look import look_into
from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.dvc.walking import counted_below
from astrid_sdk.datasets.dvc.workspace import Workspace
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.roles import FILE
from astrid_sdk.datasets.versions import check_path
from astrid_sdk.errors import AstridError, InvalidInputError
from astrid_sdk.sky.file_names import is_fits_name, media_type_of
from astrid_sdk.storage.bulk_items import FileProgress, FileToStore, NewFile
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.storage.store_report import FailedFile, StoredFile
from astrid_sdk.tiers import Tier


def store_folder(
    cas: ContentAddressedStorage,
    catalog: Catalog,
    folder: Path,
    progress: FileProgress | None = None,
) -> list[DatasetFile]:
    """Store the files below `folder` in tier ``datasets``; return them with their paths in it.

    FITS files are looked into, so that their place on the sky is known. What counts is what DVC
    counts; see `counted_below`.

    Raises
    ------
    InvalidInputError
        There is no such folder or nothing in it, a path cannot be one, or a file cannot be read.
    StorageUnavailableError
        The store went away: what arrived is not sent again.
    """
    found = files_below(folder)
    files = [FileToStore.of(pair, lambda path: media_type_of(path.name)) for pair in found.items()]
    outcomes = cas.put_files(files, Tier.DATASETS, partial(_records, catalog), progress)
    failed = [each for each in outcomes if isinstance(each, FailedFile)]
    if failed:
        raise _failed(failed, len(files))
    return [
        DatasetFile(file.content_hash, file.name, Tier.DATASETS, FILE, size_bytes=file.size_bytes)
        for file in outcomes
        if isinstance(file, StoredFile)
    ]


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files below `folder` by their paths in it, in order.

    Raises
    ------
    InvalidInputError
        There is no such folder, nothing in it, or a path that cannot be one.
    """
    root = folder.expanduser()
    if not root.is_dir():
        raise InvalidInputError(f"{folder} is no folder: give one that is there", kind="no_folder")
    found = {check_path(path): at for path, at in _counted_in(root).items()}
    if not found:
        raise InvalidInputError(f"no file is in {folder}: nothing to version", kind="no_files")
    return found


def _counted_in(folder: Path) -> dict[str, Path]:
    path = folder.resolve()
    workspace = Workspace.around(path)
    return counted_below(path, workspace.root if workspace else None)


def _records(catalog: Catalog, stored: Sequence[NewFile]) -> Iterator[Record]:
    """Yield a record of each content that the tier did not hold yet."""
    told = told_of(catalog, {each.content_hash for each in stored})
    known = {
        content_hash
        for content_hash, rows in told.items()
        if any(row["tier"] == Tier.DATASETS for row in rows)
    }
    for each in stored:
        if each.content_hash not in known:
            known.add(each.content_hash)
            yield _record(each)


def _record(stored: NewFile) -> Record:
    name, path = stored.file.name, stored.file.path
    return Record(
        kind=RecordKind.INGEST,
        content_hash=stored.content_hash,
        tier=Tier.DATASETS,
        size_bytes=stored.size_bytes,
        media_type=stored.file.content_type,
        name=name,
        origin=f"data:{name}",
        summaries=look_into(name, path).summaries if is_fits_name(path.name) else (),
    )


def _failed(failed: Sequence[FailedFile], count: int) -> AstridError:
    """Return the first failure, of the kind that it is, with how many there are."""
    first = failed[0]
    said = (
        f"{len(failed)} of {count} files could not be stored, and no version was made: "
        f"{first.name}: {first.reason}"
    )
    if first.error is None:
        return InvalidInputError(said)
    error = first.error.saying(said)
    error.__cause__ = first.error
    return error
