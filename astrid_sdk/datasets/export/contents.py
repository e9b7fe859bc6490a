"""The bytes of a dataset version: fetched once, verified, and laid under their paths."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from astrid_sdk.datasets.fetching import Wanted, fetch
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.errors import AstridError, InvalidInputError
from astrid_sdk.progress import Progress
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage


def fetch_once(
    cas: ContentAddressedStorage,
    files: Iterable[DatasetFile],
    folder: Path,
    progress: Progress | None,
) -> None:
    """Write each content of `files` once to `folder`, called by its hash; see `fetch`."""
    tiers = {file.content_hash: file.tier for file in files}
    fetch(cas, (Wanted(each, each, tier) for each, tier in tiers.items()), folder, progress)


def lay_out(files: Sequence[DatasetFile], contents: Path, folder: Path) -> None:
    """Move the fetched contents to their paths in `folder`; a content with several is copied.

    Paths may hold whatever a file system takes, which is more than a store's keys do.

    Raises
    ------
    InvalidInputError
        The file system refuses a path.
    """
    first: dict[str, Path] = {}
    folders = {folder / file.path for file in files}
    for parent in sorted({path.parent for path in folders} | {folder}):
        with writing(parent):
            parent.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = folder / file.path
        with writing(path):
            if file.content_hash in first:
                shutil.copyfile(first[file.content_hash], path)
            else:
                (contents / file.content_hash).rename(path)
                first[file.content_hash] = path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of a file that cannot be written which it is, and why."""
    try:
        yield
    except AstridError:  # some of ours are OSErrors too
        raise
    except OSError as error:
        raise InvalidInputError(
            f"cannot write {str(path)!r}: {error.strerror}; export to another folder, or give the "
            "file another path in the dataset",
            kind="path",
        ) from error
