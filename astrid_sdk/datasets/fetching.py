"""Contents of several tiers into one folder: each tier in bulk, all counted together."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from astrid_sdk.errors import AstridError, CorruptionError, NotFoundError
from astrid_sdk.progress import Progress
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage


class Wanted(NamedTuple):
    """A content, where it goes in the folder, and the tier to look in first ("" for any)."""

    content_hash: str
    path: str
    tier: str


def fetch(
    cas: ContentAddressedStorage,
    wanted: Iterable[Wanted],
    folder: Path,
    progress: Progress | None,
    *,
    done: int = 0,
) -> None:
    """Write contents to their paths in `folder`, verified, tier by tier: each is listed once.

    Parameters
    ----------
    cas : ContentAddressedStorage
    wanted : iterable of Wanted
    folder : Path
    progress : callable, optional
        Told of all tiers as one.
    done : int, optional
        How many files were right before, for `progress`.

    Raises
    ------
    NotFoundError, CorruptionError
        One is not there, or no copy of it is sound; all the others are written.
    """
    tiers: dict[str, list[tuple[str, str]]] = {}
    for each in wanted:
        tiers.setdefault(each.tier, []).append((each.content_hash, each.path))
    total = done + sum(map(len, tiers.values()))
    first: AstridError | None = None
    for tier, named in tiers.items():
        tell = _counted_on(progress, done, total)
        try:
            cas.retrieve_files(named, folder, tier=tier or None, progress=tell)
        except (NotFoundError, CorruptionError) as error:
            first = first or error
        done += len(named)
    if first is not None:
        raise first


def _counted_on(progress: Progress | None, done: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda here, _, name: progress(done + here, total, name)
