"""Every promise of `ObjectStorage`, to be asked of any store and any wrapper around one."""

from typing import ClassVar

import pytest

from astrid_sdk.testing.places import Place
from astrid_sdk.testing.promises.batches import BatchPromises
from astrid_sdk.testing.promises.capabilities import CapabilityPromises
from astrid_sdk.testing.promises.changing import ChangingPromises
from astrid_sdk.testing.promises.conditions import ConditionPromises
from astrid_sdk.testing.promises.listing import ListingPromises
from astrid_sdk.testing.promises.names import NamePromises
from astrid_sdk.testing.promises.reading import ReadingPromises
from astrid_sdk.testing.promises.streams import StreamPromises
from astrid_sdk.testing.promises.tables import TablePromises
from astrid_sdk.testing.promises.uploads import UploadPromises

__all__ = ["ObjectStorageSuite", "Place"]


class ObjectStorageSuite(
    NamePromises,
    ReadingPromises,
    ChangingPromises,
    ConditionPromises,
    ListingPromises,
    BatchPromises,
    StreamPromises,
    UploadPromises,
    CapabilityPromises,
    TablePromises,
):
    """A test for each promise; what a store may lack is looked up in its capabilities.

    Inherit from it in a test module, in a class whose name starts with ``Test``, and override
    the fixture `place`. A store that cannot keep one promise overrides that one test, with the
    reason.

    Attributes
    ----------
    part_bytes : int
        The shortest part that the store takes before the last one of a large upload. S3 wants
        5 MiB; where the store does not mind, a few bytes are faster.
    keys_in_pages : int
        How many keys to write to have more than one page of a listing.
    """

    part_bytes: ClassVar[int] = 5 << 20
    keys_in_pages: ClassVar[int] = 1003

    @pytest.fixture
    def place(self) -> Place:
        """Return the store to be tested and an empty bucket in it."""
        raise NotImplementedError("override the fixture `place` to say which store is tested")
