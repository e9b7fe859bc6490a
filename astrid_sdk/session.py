"""One object that bundles the parts: where the bytes are, what we have, and why it exists."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from astrid_sdk.assemble import dataset_of, newest_detections
from astrid_sdk.catalog.ingest.gathering import Source, gather
from astrid_sdk.catalog.ingest.ingest import Ingest
from astrid_sdk.catalog.ingest.report import IngestReport
from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.models.difference_image import DifferenceImage
from astrid_sdk.catalog.models.observation_table import ObservationTable
from astrid_sdk.catalog.models.observations import observations
from astrid_sdk.catalog.models.training_sample import TrainingSample
from astrid_sdk.catalog.pairs.finding import find_pairs
from astrid_sdk.catalog.pairs.table import PairTable
from astrid_sdk.catalog.search.finding import Found, FoundTable, Query, find
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.deriving import BoundStep, Given
from astrid_sdk.catalog.steps.reproduce import Reproduction
from astrid_sdk.catalog.steps.step import Step
from astrid_sdk.curating import CuratedParts
from astrid_sdk.datasets.registry import Committed
from astrid_sdk.errors import AstridError, InvalidInputError
from astrid_sdk.pipeline.difference_models import difference_images
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.progress import Progress, shown
from astrid_sdk.rendering import TierTotals, session_html
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:  # astropy takes seconds to import, and many sessions look at no pixel
    import pandas as pd

    from astrid_sdk.pipeline.detection_table import DetectionTable
    from astrid_sdk.sky.views import ImageView, TextView


class AstridSession(CuratedParts):
    """A store and everything that works on it. Made by `connect`; see `SessionParts`."""

    def ingest(
        self,
        path: Source | Iterable[Source],
        *,
        tier: Tier | str = Tier.RAW_OBSERVATIONS,
        purpose: str = "science",
        progress: Progress | bool = True,
    ) -> IngestReport:
        """Store the FITS files at `path`; call it again to go on where it was stopped.

        Parameters
        ----------
        path : str or Path, or an iterable of these
            A file, a folder with all below it, or a pattern such as ``"nights/**/*.fits.gz"``.
        tier : Tier or str
            ``"raw-observations"`` or ``"processed-observations"``.
        purpose : str
            ``"science"``, or ``"reference"`` for frames to make templates from.
        progress : callable or bool, optional
            Called with files done, files in all, and the name of the file at hand; True shows a
            bar in a notebook and on a terminal.

        Returns
        -------
        IngestReport
            What was stored, what was there, and what was skipped with the reason.

        Raises
        ------
        InvalidInputError
            Nothing is at `path`, or no FITS file; there is no such purpose, or the tier holds no
            observations.
        """
        return self.ingest_files(gather(path), tier=tier, purpose=purpose, progress=progress)

    def ingest_files(
        self,
        files: list[tuple[str, Path]],
        *,
        tier: Tier | str = Tier.RAW_OBSERVATIONS,
        purpose: str = "science",
        progress: Progress | bool = True,
    ) -> IngestReport:
        """Store `files`, pairs of a name and a path; see `ingest`."""
        with shown(progress, "ingesting") as tell:
            ingest = Ingest(self.cas, self.catalog)
            return ingest(files, tier=tier, purpose=purpose, progress=tell)

    def find(self, **conditions: Any) -> FoundTable:
        """Return what is stored and meets all `conditions`.

        Parameters
        ----------
        **conditions
            The fields of `astrid_sdk.Query`: ``tier name object_name filter_band night instrument
            survey role purpose step observation_id after before header include_excluded as_of
            limit offset``, the cone ``ra_deg dec_deg radius_deg``, ``box`` and ``polygon``.

        Raises
        ------
        InvalidInputError
            A condition is unknown, or its value cannot be used.
        """
        return find(self.catalog, Query.of(**conditions))

    def observations(self, **conditions: Any) -> ObservationTable:
        """Return the exposures that meet all `conditions`; image, weight and mask are one.

        Parameters
        ----------
        **conditions
            As `find` takes them.

        Raises
        ------
        InvalidInputError
            As `find`.
        """
        return observations(self.catalog, Query.of(**conditions))

    def pairs(self, target: str | None = None, **conditions: Any) -> PairTable:
        """Return science exposures with the references to subtract from them, best first.

        Parameters
        ----------
        target : str, optional
            Pattern for the object's name in the science frames, such as ``"sn2024*"``.
        **conditions
            As `find` takes them, for the science frames; ``reference min_overlap min_gap_days
            max_gap_days max_pairs_per_science exclude_contaminated`` of `PairRules`; and
            ``known_transients``, a table with ``name ra_deg dec_deg first_light``: each pair then
            says whether its reference may hold one.

        Raises
        ------
        InvalidInputError
            A condition is unknown, or its value cannot be used.
        """
        return find_pairs(self.catalog, target, **conditions)

    def show(self, content_hash: str) -> "ImageView | TextView":
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
        from astrid_sdk.sky.views import view_content  # noqa: PLC0415 - as for the types

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
    ) -> "ImageView":
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
        from astrid_sdk.sky.views import view_cutout  # noqa: PLC0415 - as for the types

        found = self._one(content_hash)
        place = {"ra_deg": ra_deg, "dec_deg": dec_deg, "x": x, "y": y}
        with self.cas.open(found.content_hash, tier=found.tier) as file:
            return view_cutout(file, self._title(found), place, size_px, found.hdu_index)

    def why(self, content_hash: str) -> LineageGraph:
        """Return what a content was made from, up to the raw files and their origin.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        """
        return self.lineages.why(content_hash)

    def impact(self, content_hash: str) -> LineageGraph:
        """Return what was made from a content, down to dataset versions.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        """
        return self.lineages.impact(content_hash)

    def step(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Make a function a step, as a decorator; see `Deriving.step`.

        ``@astrid.step`` makes ``flux(inputs, *, radius_px)`` a step: ``flux({"image":
        content_hash}, radius_px=3)`` then calls it only when nobody has, and remembers what it
        returned.
        """
        return self.deriving.step(function, **options)

    def derive(
        self,
        step: Step | BoundStep | Callable[..., Any],
        inputs: Mapping[str, Given],
        parameters: Mapping[str, Any] | None = None,
        *,
        name: str = "",
    ) -> Derivation:
        """Return what a step or function makes of `inputs`, run only when nobody has.

        Parameters, errors and what counts as the same are those of `Deriving.derive`.
        """
        return self.deriving.derive(step, inputs, parameters, name=name)

    def reproduce(self, content_hash: str, **options: Any) -> Reproduction:
        """Make a content again and say whether the same comes out; see `Deriving.reproduce`."""
        return self.deriving.reproduce(content_hash, **options)

    def detections(self, night: str | None = None) -> "DetectionTable":
        """Return what was detected, in one night or in all; of each frame the newest search."""
        return newest_detections(self.catalog, self.cas, self.derivations, night)

    def scores(self, night: str | None = None, *, model_hash: str | None = None) -> "pd.DataFrame":
        """Return what the real/bogus model says of detections; see `RealBogus.scores`."""
        return self.real_bogus.scores(night, model_hash=model_hash)

    def difference_images(self, **conditions: Any) -> list[DifferenceImage]:
        """Return the difference images that meet all `conditions`, which `find` takes."""
        return difference_images(self.catalog, self.derivations, Query.of(**conditions))

    def training_samples(
        self, labels: Mapping[str, str], label_source: str, night: str | None = None
    ) -> list[TrainingSample]:
        """Return the triplets of labelled detections; `labels` is by detection id."""
        from astrid_sdk.pipeline.training_models import training_samples  # noqa: PLC0415 - as for the types

        return training_samples(self.detections(night), labels, label_source, self.why)

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
        from astrid_sdk.sky.views import preview_png  # noqa: PLC0415 - as for the types

        if not manifest.items:
            return None
        item = manifest.items[0]
        shown = str(item.details.get("contact_sheet_hash", item.content_hash))
        content = self.cas.retrieve_data(shown, tier=item.tier)
        return preview_png(content, item.summary.hdu_index)

    def size_of(self, manifest: Manifest) -> int:
        """Return the bytes of the contents that `manifest` lists, together."""
        sizes = self.find(include_excluded=True).sizes()
        return sum(
            sizes.get(named, 0) for named in {(it.tier, it.content_hash) for it in manifest.items}
        )

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
        if target.is_dir():
            raise InvalidInputError(f"{target} is a folder: name a file to write in it")
        if target.exists():
            raise InvalidInputError(f"{target} is there already: name another file to write")
        return self.cas.retrieve_file(found.content_hash, target, tier=found.tier)

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

    def _title(self, found: Found) -> str:
        return f"{found.name}@{found.content_hash[:8]}"
