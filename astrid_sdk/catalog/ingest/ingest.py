"""Ingest: files as they came into a tier of observations, with what their headers say.

A file that cannot be used is named with its reason and left where it is. Files go in batches, each
with one record pack, so that a run that was stopped anywhere is taken up by the next: what this
machine has read and the catalogue knows is neither read nor hashed again. Write order: blobs, then
the pack, then the catalogue, in one commit at the end.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from astrid_sdk.catalog.contents import PURPOSES
from astrid_sdk.catalog.ingest.gathering import Gathered, NamedFile
from astrid_sdk.catalog.ingest.known_contents import KnownContents
from astrid_sdk.catalog.ingest.looking import looking
from astrid_sdk.catalog.ingest.report import IngestReport
from astrid_sdk.catalog.ingest.run import IngestRun
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError, StorageUnavailableError
from astrid_sdk.progress import Progress
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.parallel import batched
from astrid_sdk.storage.records import PACK_LINES
from astrid_sdk.tiers import Tier

TIERS = (Tier.RAW_OBSERVATIONS, Tier.PROCESSED_OBSERVATIONS)
"""Where observations may come in."""


class Ingest:
    """Puts files into a store.

    Parameters
    ----------
    cas : ContentAddressedStorage
    catalog : Catalog
    """

    def __init__(self, cas: ContentAddressedStorage, catalog: Catalog) -> None:
        self._cas = cas
        self._catalog = catalog

    def __call__(
        self,
        files: Sequence[NamedFile],
        *,
        tier: Tier | str = Tier.RAW_OBSERVATIONS,
        purpose: str = "science",
        progress: Progress | None = None,
    ) -> IngestReport:
        """Ingest `files`, pairs of a name and a path.

        Parameters
        ----------
        files : sequence of (str, Path)
            As `astrid_sdk.catalog.ingest.gathering.gather` returns.
        tier : Tier or str
            One of `TIERS`.
        purpose : str
            ``"science"``, or ``"reference"`` for frames to make templates from.
        progress : callable, optional

        Raises
        ------
        InvalidInputError
            There is no such purpose, or `tier` holds no observations.
        AstridError
            The store took no more. What it took before stays, and ingesting again goes on there.
        """
        where, started_s = observation_tier(tier), time.monotonic()
        if purpose not in PURPOSES:
            raise InvalidInputError(f"purpose is 'science' or 'reference', not {purpose!r}")
        known = KnownContents.of(self._catalog, where)
        with looking(len(files)) as looks:
            run = IngestRun(self._cas, looks, known, (where, purpose), _told(progress, len(files)))
            for batch in batched(files, _files_per_pack(purpose)):
                run.take(batch)
            run.finish()
        passed_over = files.passed_over if isinstance(files, Gathered) else 0
        report = run.report(time.monotonic() - started_s, passed_over)
        if not report.waiting:
            with suppress(StorageUnavailableError):  # an index: it catches up by itself
                self._catalog.refresh()
        return report


def _files_per_pack(purpose: str) -> int:
    """Return how many files have one pack: what they are for is said in the same, or not at all."""
    return PACK_LINES if purpose == PURPOSES[0] else PACK_LINES // 2


def observation_tier(tier: Tier | str) -> Tier:
    """Return `tier`, where observations may come in.

    Raises
    ------
    InvalidInputError
        There is no such tier, or it holds no observations.
    """
    where = Tier.parse(tier)
    if where not in TIERS:
        raise InvalidInputError(
            f"{where} holds no observations as they came: ingest into {' or '.join(TIERS)}, and "
            "store anything else with .cas",
            kind="tier",
        )
    return where


def _told(progress: Progress | None, files: int) -> Callable[[int, str], object]:
    if progress is None:
        return lambda _done, _name: None
    return lambda done, name: progress(done, files, name)
