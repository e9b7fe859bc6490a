"""Datasets to work with: in a folder, compared, split, exported."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from astrid_sdk.datasets.bookkeeping import DatasetBook
from astrid_sdk.datasets.checkout import Checkout, check_out
from astrid_sdk.datasets.diff.dataset_diff import DatasetDiff
from astrid_sdk.datasets.diff.telling import Telling
from astrid_sdk.datasets.manifest import DatasetManifest
from astrid_sdk.datasets.versions import DatasetVersion, VersionName
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.progress import Progress, shown

if TYPE_CHECKING:  # they take seconds to import, and many sessions neither split nor export
    from astrid_sdk.datasets.export.report import Export
    from astrid_sdk.datasets.splits.imported import Given
    from astrid_sdk.datasets.splits.leaks import LeakageReport
    from astrid_sdk.datasets.splits.split import Split
    from astrid_sdk.datasets.splits.splits import Splits


class Datasets(DatasetBook):
    """The datasets of a store: named, numbered, immutable sets of contents."""

    def checkout(
        self,
        name: str | DatasetVersion,
        folder: str | Path,
        *,
        prune: bool = False,
        progress: Progress | bool = True,
    ) -> Checkout:
        """Write the files of a version into a folder, verified; only what is missing is fetched.

        A file that stands in the way is replaced where a version of the dataset holds its content,
        and set aside where none does. Others are left alone.

        Parameters
        ----------
        name : str
            See `get`.
        folder : str or Path
            Made where it is not there.
        prune : bool
            Remove what another version of the dataset left behind, if it is still as it was.
        progress : callable or bool, optional
            Called with files done, files in all, and the file at hand; True shows a bar.

        Raises
        ------
        NotFoundError
            There is no such version, or a content is no longer stored.
        InvalidInputError
            The folder cannot be written, a folder stands where a file belongs, or a folder in it is
            a link (``kind="symlink"``).
        """
        version = self.get(name)
        with shown(progress, "checking out") as tell:
            return check_out(
                self._cas,
                version,
                self.manifest(version),
                Path(folder),
                self._others(version),
                prune=prune,
                progress=tell,
            )

    def diff(
        self, before: str | DatasetVersion, after: str | DatasetVersion | None = None
    ) -> DatasetDiff:
        """Return what changed between two versions: files, labels, pixels, sky, filters, balance.

        Parameters
        ----------
        before, after : str
            See `get`. Without `after`, from the version before `before` to it.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        first, second = self._two(before, after)
        telling = Telling(self._catalog, self._cas)
        return DatasetDiff(first, second, self.manifest(first), self.manifest(second), telling)

    def export(
        self,
        name: str | DatasetVersion,
        folder: str | Path,
        *,
        formats: Sequence[str] = ("files", "parquet"),
        split: "Split | None" = None,
        progress: Progress | bool = True,
    ) -> "Export":
        """Write a version as a folder that stands alone and can be cited.

        Parameters
        ----------
        name : str
            See `get`.
        folder : str or Path
            Is not there yet, or empty.
        formats : sequence of str
            Of ``files parquet fits tensors numpy hats``; see `export_version`.
        split : Split, optional
            Of this version: its sides are told in the tables.
        progress : callable or bool, optional

        Raises
        ------
        NotFoundError
            There is no such version, or a content is no longer stored.
        InvalidInputError
            The folder is not empty, a format is unknown, or the split is of another version.
        """
        from astrid_sdk.datasets.export.export import export_version  # noqa: PLC0415 - as for types
        from astrid_sdk.datasets.export.subject import ExportStore, ExportSubject  # noqa: PLC0415

        version = self.get(name)
        about = self.information(version.dataset_id)
        sides = {} if split is None else _sides_of(split, version)
        subject = ExportSubject(version, self.manifest(version), about, sides)
        store = ExportStore(self._cas, self._catalog, self._lineages().why)
        return export_version(
            store, subject, Path(folder).expanduser(), formats=formats, progress=progress
        )

    def split(
        self,
        name: str | DatasetVersion,
        fractions: Mapping[str, float] | Sequence[float] = (0.8, 0.1, 0.1),
        *,
        seed: int = 0,
        group_by: Sequence[str] = ("lineage", "sky"),
        **rules: Any,
    ) -> "Split":
        """Split a version so that no two sides share an ancestor, an exposure or a place.

        Parameters
        ----------
        name : str
            See `get`.
        fractions : mapping of str to float, or sequence of float
            Side to its share; a sequence is train, validation, test.
        seed : int
        group_by : sequence of str
            What holds samples together: ``"lineage"``, ``"sky"``.
        **rules
            ``radius_arcsec stratify shared_steps roles tolerance`` of `SplitRules`.

        Raises
        ------
        NotFoundError
            There is no such version.
        InvalidInputError
            A rule cannot be one, or the samples are tied so closely that a side would be empty.
        """
        from astrid_sdk.datasets.splits.rules import SplitRules  # noqa: PLC0415 - as for the types

        asked = SplitRules.of(fractions, seed=seed, group_by=group_by, **rules)
        return self._splits().split(self.get(name).manifest_hash, asked)

    def leakage_report(self, split: "Split | Given", **options: Any) -> "LeakageReport":
        """Return what leaks between the sides of a split, ours or anybody's.

        Parameters
        ----------
        split : Split, mapping, pandas.DataFrame, or path
            What `split` returned; content hashes by side; or a table or CSV file with the columns
            ``content_hash`` and ``side``.
        **options
            ``shared_steps radius_arcsec pixels``, as `Splits.leakage_report` takes them.

        Raises
        ------
        InvalidInputError
            What was given is no split.
        """
        return self._splits().leakage_report(split, **options)

    def _splits(self) -> "Splits":
        from astrid_sdk.datasets.splits.splits import Splits  # noqa: PLC0415 - as for the types

        return Splits(self._cas, self._derivations, self._lineages().ancestry)

    @override
    def __repr__(self) -> str:
        return repr(self.list())

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        return self.list()._repr_mimebundle_(**options)

    def _others(self, version: DatasetVersion) -> Iterator[DatasetManifest]:
        """Yield what the other versions hold, newest first; listed when the first is asked for."""
        for each in reversed(self._registry.list(version.dataset_id)):
            if each.manifest_hash != version.manifest_hash:
                yield self.manifest(each)

    def _two(
        self, before: str | DatasetVersion, after: str | DatasetVersion | None
    ) -> tuple[DatasetVersion, DatasetVersion]:
        first = self.get(before)
        if after is not None:
            return first, self.get(after)
        if first.number == 1:
            raise NotFoundError(f"{first.name} is the first version: name two to compare")
        return self._registry.get(VersionName(first.dataset_id, first.number - 1)), first


def _sides_of(split: "Split", version: DatasetVersion) -> Mapping[str, str]:
    """Return the side of each path.

    Raises
    ------
    InvalidInputError
        The split is of another version.
    """
    if split.manifest_hash != version.manifest_hash:
        raise InvalidInputError(
            f"the split is of another version than {version.name}: split that one", kind="split"
        )
    return split.side_by_path
