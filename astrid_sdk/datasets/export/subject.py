"""What is exported, and from where: values that the parts of an export share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.information import DatasetInformation
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.rendering import counted
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

FORMATS = ("files", "parquet", "tensors", "numpy", "fits", "hats")
"""What an export can hold; see `export_version`."""

DEFAULT_FORMATS = ("files", "parquet")

DATA = "data"
"""The folder of an export that holds the dataset's own files."""


@dataclass(frozen=True, slots=True)
class ExportSubject:
    """A dataset version with all that its export tells of it.

    Attributes
    ----------
    version : DatasetVersion
    manifest : DatasetManifest
        That of the version.
    about : DatasetInformation
        What people say of the dataset; `DatasetInformation(dataset_id)` where nobody said anything.
    sides : mapping of str to str
        The side of a split that a file is on, such as ``"train"``, by path; may be empty.
    """

    version: DatasetVersion
    manifest: DatasetManifest
    about: DatasetInformation
    sides: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[DatasetFile]:
        """The files in the order of their paths, which is the order of all tables."""
        return sorted(self.manifest.files, key=lambda file: file.path)

    @property
    def identifier(self) -> str:
        """The name of the version that no other content can have."""
        return f"urn:astrid:sha256:{self.version.manifest_hash}"

    @property
    def creators(self) -> tuple[str, ...]:
        """Who made the dataset; whoever versioned it where nobody is named."""
        return self.about.creators or (self.version.author,)

    @property
    def description(self) -> str:
        """What it is, in any case a sentence."""
        said = f"Version {self.version.number} of the dataset {self.version.dataset_id}"
        return self.about.description or f"{said}: {counted(len(self.manifest.files), 'file')}."

    def check(self) -> None:
        """Refuse what no folder or table can hold.

        Raises
        ------
        InvalidInputError
            The manifest is of another dataset, a path or hash is none, or a text cannot be
            written in UTF-8.
        """
        if self.manifest.dataset_id != self.version.dataset_id:
            raise InvalidInputError(
                f"the manifest of {self.manifest.dataset_id} is not that of {self.version.name}: "
                "give the version's own"
            )
        self.manifest.to_json()  # which looks at the paths
        for file in self.files:
            _check(file, self.sides.get(file.path))


@dataclass(frozen=True, slots=True)
class ExportStore:
    """Where an export takes from.

    Attributes
    ----------
    cas : ContentAddressedStorage
    catalog : Catalog
    why : callable
        Returns the lineage of a content: `session.why`.
    """

    cas: ContentAddressedStorage
    catalog: Catalog
    why: Callable[[str], LineageGraph]


def _check(file: DatasetFile, side: str | None) -> None:
    try:
        "".join(filter(None, (file.role, file.label, side))).encode()
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"the role, label or side of {file.path!r} is no Unicode text: write it anew",
            kind="label",
        ) from None
