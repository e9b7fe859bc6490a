"""What a diff asks beside the manifests: the catalogue's words, and the contents themselves."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.diff.contents import Change, compare_contents
from astrid_sdk.datasets.diff.matching import Pair
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_COLUMNS = ("content_hash", "filter_band", "instrument")
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Light:
    """Through which filter, and with what, a content was taken; "unknown" where nobody says."""

    filter_band: str = UNKNOWN
    instrument: str = UNKNOWN


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells of contents.

    Parameters
    ----------
    catalog : Catalog
    cas : ContentAddressedStorage
    """

    catalog: Catalog
    cas: ContentAddressedStorage

    def lights(self, contents: Collection[str]) -> Mapping[str, Light]:
        """Return filter and instrument of contents; absent where the catalogue knows none."""
        told = told_of(self.catalog, contents, _COLUMNS) if contents else {}
        found = {}
        for content_hash, rows in told.items():
            words = [next((row[name] for row in rows if row[name]), UNKNOWN) for name in _COLUMNS]
            found[content_hash] = Light(*words[1:])
        return found

    def change(self, pair: Pair) -> Change:
        """Return what differs between a file before and after, reading both."""
        before, after = pair
        return compare_contents(
            self.cas, (before.content_hash, before.tier), (after.content_hash, after.tier)
        )


def counted(lights: Mapping[str, Light], files: Iterable[DatasetFile], name: str) -> dict[str, int]:
    """Return how many of `files` have each filter or instrument, most first."""
    unknown = Light()
    found = Counter(getattr(lights.get(file.content_hash, unknown), name) for file in files)
    return dict(found.most_common())
