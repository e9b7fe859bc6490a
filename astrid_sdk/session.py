"""One object that bundles the parts: where the bytes are, what we have, and why it exists."""

import shutil
import weakref
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from typing_extensions import override

from astrid_sdk.assemble import dataset_of
from astrid_sdk.catalog.derivations import Derivations
from astrid_sdk.catalog.ingest import Ingest, IngestReport, Progress, fits_files_below
from astrid_sdk.catalog.lineage import Lineage, why
from astrid_sdk.catalog.search import Found, FoundTable, Query, find, find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.config import StorageConfig
from astrid_sdk.datasets.registry import Committed, DatasetRegistry
from astrid_sdk.errors import AstridError, InvalidInputError, NotFoundError
from astrid_sdk.pipeline.detection_files import DetectionTable, read_detections
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.survey import Survey
from astrid_sdk.rendering import TierTotals, session_html
from astrid_sdk.sky.views import ImageView, TextView, preview_png, view_content, view_cutout
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import RecordLog
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.storage.stack import spooling_of
from astrid_sdk.tiers import Tier

PROBE = f"{Tier.TEMP.value}/can-write"


class AstridSession:
    """A store and everything that works on it. Made by `connect`.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    home : Path
        Folder on this machine for what is no part of the store: Dagster's run history, pictures.
    config : StorageConfig, optional
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        home: Path,
        *,
        config: StorageConfig | None = None,
    ) -> None:
        self._storage = storage
        self._config = config
        self._remove_home: Callable[[], object] | None = None
        self.bucket = bucket
        self.home = home.absolute()
        self._seen = SeenContents(self.home / "seen.sqlite")

    def prepare(self) -> None:
        """Make sure that the bucket is there and can be written.

        Raises
        ------
        AccessDeniedError, StorageUnavailableError
            The store cannot be used; the message says what to do.
        """
        try:
            self._storage.list_files(self.bucket, PROBE)
        except NotFoundError:
            self._storage.create_bucket(self.bucket)
        self._storage.upload_file(self.bucket, PROBE, b"", "application/octet-stream")
        self._storage.delete_file(self.bucket, PROBE)

    @property
    def r2(self) -> ObjectStorage:
        """The storage client: bytes by bucket and key, whichever store it is."""
        return self._storage

    @cached_property
    def cas(self) -> ContentAddressedStorage:
        """Bytes by content hash.

        Raises
        ------
        InvalidInputError
            The configuration switches content addressing off.
        """
        if self._config is not None and not self._config.content_addressing_enabled:
            raise InvalidInputError(
                "content addressing is switched off in the configuration: set "
                "ASTRID_CONTENT_ADDRESSING_ENABLED=true, or work by key with .r2"
            )
        deduplicate = self._config is None or self._config.deduplication_enabled
        return ContentAddressedStorage(
            self._storage,
            self.bucket,
            records=self._records,
            deduplicate=deduplicate,
            seen=self._seen,
        )

    @cached_property
    def derivations(self) -> Derivations:
        """Computations that were done, by key."""
        return Derivations(self._storage, self.bucket, self.cas, self._records)

    @cached_property
    def catalog(self) -> Catalog:
        """The index over what is stored."""
        return Catalog(self._storage, self.bucket, self._records, self.derivations)

    @cached_property
    def survey(self) -> Survey:
        """The chain from raw frames to detections."""
        return Survey(self.catalog, self.derivations)

    @cached_property
    def datasets(self) -> DatasetRegistry:
        """Named dataset versions."""
        return DatasetRegistry(self._storage, self.bucket, self.cas, self.derivations)

    @cached_property
    def _records(self) -> RecordLog:
        return RecordLog(self._storage, self.bucket)

    def ingest(
        self, path: str | Path, *, purpose: str = "science", progress: Progress | None = None
    ) -> IngestReport:
        """Store the FITS files at `path` as raw observations.

        Parameters
        ----------
        path : str or Path
            A file, or a folder with all below it.
        purpose : str
            ``"science"``, or ``"reference"`` for frames to make templates from.
        progress : callable, optional
            Called with files done, files in all, and the name of the file at hand.

        Returns
        -------
        IngestReport
            What was stored, what was there, and what was skipped with the reason.

        Raises
        ------
        InvalidInputError
            Nothing is at `path`, or no FITS file.
        """
        files = fits_files_below(Path(path).expanduser())
        return self.ingest_files(files, purpose=purpose, progress=progress)

    def ingest_files(
        self,
        files: list[tuple[str, Path]],
        *,
        purpose: str = "science",
        progress: Progress | None = None,
    ) -> IngestReport:
        """Store `files`, pairs of a name and a path; see `ingest`."""
        ingest = Ingest(self.cas, self._records, self.catalog)
        return ingest(files, purpose=purpose, progress=progress)

    def find(self, **conditions: Any) -> FoundTable:
        """Return what is stored and meets all `conditions`.

        Parameters
        ----------
        **conditions
            The fields of `astrid_sdk.Query`: ``tier name filter_band night instrument role
            purpose after before include_excluded`` and the cone ``ra_deg dec_deg radius_deg``.

        Raises
        ------
        InvalidInputError
            A condition is unknown, or its value cannot be used.
        """
        try:
            query = Query(**conditions)
        except TypeError:
            known = " ".join(Query.__slots__)
            unknown = " ".join(sorted(set(conditions) - set(Query.__slots__)))
            raise InvalidInputError(
                f"find() knows no condition {unknown}: it takes {known}"
            ) from None
        return find(self.catalog, query)

    def show(self, content_hash: str) -> ImageView | TextView:
        """Return the picture of a stored image, triplet, picture or manifest for a notebook.

        Parameters
        ----------
        content_hash : str
            Or any unique prefix of at least eight digits.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        InvalidInputError
            The content is no picture.
        """
        found = self._one(content_hash)
        content = self.cas.retrieve_data(found.content_hash, tier=found.tier)
        return view_content(content, found.media_type, self._title(found), found.hdu_index)

    def cutout(
        self,
        content_hash: str,
        ra_deg: float | None = None,
        dec_deg: float | None = None,
        *,
        x: float | None = None,
        y: float | None = None,
        size_px: int = 63,
    ) -> ImageView:
        """Return a square stamp of a stored image.

        Parameters
        ----------
        content_hash : str
            Or any unique prefix of at least eight digits.
        ra_deg, dec_deg : float, optional
            ICRS degrees, where the image has a WCS.
        x, y : float, optional
            0-based pixel position, instead.
        size_px : int
            Odd; NaN outside the image.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        InvalidInputError
            The position is missing, off the image, or the image has no WCS.
        """
        found = self._one(content_hash)
        content = self.cas.retrieve_data(found.content_hash, tier=found.tier)
        place = {"ra_deg": ra_deg, "dec_deg": dec_deg, "x": x, "y": y}
        return view_cutout(content, self._title(found), place, size_px, found.hdu_index)

    def why(self, content_hash: str) -> Lineage:
        """Return what `content_hash` was made from, up to the raw files and their origin.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        """
        return why(self.catalog, self.catalog.resolve(content_hash))

    def exclude(self, content_hash: str, reason: str) -> None:
        """Leave a content out of searches and of the chain from now on; its bytes stay.

        Raises
        ------
        InvalidInputError
            `reason` is empty.
        NotFoundError
            Nothing stored has that hash.
        """
        say_excluded(self._records, self._one(content_hash), reason)

    def include(self, content_hash: str) -> None:
        """Take an `exclude` back.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        """
        say_excluded(self._records, self._one(content_hash), None)

    def detections(self, night: str | None = None) -> DetectionTable:
        """Return what was detected, in one night or in all; of each frame the newest search."""
        rows = self.find(tier=Tier.DETECTIONS, role="detections", night=night)
        in_time = sorted(rows, key=lambda row: row.created_at)
        newest = {(row.night, row.name): row for row in in_time}
        return read_detections(self.cas, [newest[frame] for frame in sorted(newest)])

    def manifest(self, content_hash: str) -> Manifest:
        """Return the manifest that an asset stored.

        Raises
        ------
        NotFoundError, CorruptionError
            As `ContentAddressedStorage.retrieve_data`.
        """
        return Manifest.from_bytes(self.cas.retrieve_data(content_hash, tier=Tier.ARTIFACTS))

    def version_detections(
        self, dataset_id: str, nights: Mapping[str, Manifest], message: str = ""
    ) -> Committed:
        """Make the detections of `nights` and their triplets the newest version of a dataset.

        Nights of the store that are not among `nights`, or have no detections, are listed in the
        dataset's manifest with the reason.
        """
        manifest = dataset_of(dataset_id, nights, self.survey.nights())
        return self.datasets.commit(manifest, message or f"detections of {len(nights)} nights")

    def preview(self, manifest: Manifest) -> bytes | None:
        """Return a small picture of what `manifest` lists first, or None where it lists nothing."""
        if not manifest.items:
            return None
        item = manifest.items[0]
        shown = str(item.details.get("contact_sheet_hash", item.content_hash))
        content = self.cas.retrieve_data(shown, tier=item.tier)
        return preview_png(content, item.summary.hdu_index)

    def size_of(self, manifest: Manifest) -> int:
        """Return the bytes of the contents that `manifest` lists, together."""
        sizes = self.find(include_excluded=True).sizes()
        return sum(sizes[named] for named in {(it.tier, it.content_hash) for it in manifest.items})

    def totals(self) -> Mapping[Tier, TierTotals]:
        """Return how many contents and bytes each tier holds; tiers that hold none are absent."""
        held: dict[str, list[int]] = {}
        for (tier, _), size_bytes in self.find(include_excluded=True).sizes().items():
            held.setdefault(tier, []).append(size_bytes)
        return {tier: TierTotals(len(held[tier]), sum(held[tier])) for tier in Tier if tier in held}

    def content_hashes(self) -> list[str]:
        """Return the hashes of all stored contents, sorted."""
        sizes = self.find(include_excluded=True).sizes()
        return sorted({content_hash for _, content_hash in sizes})

    def save(self, content_hash: str, path: Path | None = None) -> Path:
        """Write a content to the file `path`, by default its name in this folder; return the path.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        InvalidInputError
            There is a file of that name already, or it cannot be written.
        """
        found = self._one(content_hash)
        target = path or Path(Path(found.name).name)
        if target.exists():
            raise InvalidInputError(f"cannot write {target}: File exists")
        return self.cas.retrieve_file(found.content_hash, target, tier=found.tier)

    @property
    def pending(self) -> int:
        """How many writes wait on this machine for the store to be back."""
        spooling = spooling_of(self._storage)
        return 0 if spooling is None else spooling.pending

    def sync(self, *, retry_refused: bool = False) -> int:
        """Bring what waits here into the store; return how many: see `SpoolingStorage.sync`."""
        spooling = spooling_of(self._storage)
        return 0 if spooling is None else spooling.sync(retry_refused=retry_refused)

    def close(self) -> None:
        """Give back what the session holds; a private folder is removed."""
        self._storage.close()
        self._seen.close()
        if self._remove_home is not None:
            self._remove_home()

    def make_private(self) -> None:
        """Remove the home folder on `close`, at the latest when the session is forgotten."""
        self._remove_home = weakref.finalize(self, shutil.rmtree, self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @override
    def __repr__(self) -> str:
        waiting = f", {self.pending} writes wait" if self.pending else ""
        return f"<AstridSession on {self._storage.describe()}, bucket {self.bucket}{waiting}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        try:
            totals, trouble = self.totals(), ""
        except AstridError as error:
            totals, trouble = {}, error.message
        where = self._storage.describe()
        page = session_html(where, self.bucket, totals, trouble, waiting=self.pending)
        return {"text/plain": repr(self), "text/html": page}

    def _one(self, content_hash: str) -> Found:
        return find_one(self.catalog, content_hash)

    def _title(self, found: Found) -> str:
        return f"{found.name}@{found.content_hash[:8]}"
