"""A store and an empty bucket in it: where a promise is asked for."""

import dataclasses
from typing import Self

from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import NO_METADATA, StoredObject

FITS = "application/fits"


@dataclasses.dataclass(frozen=True)
class Place:
    """A store and an empty bucket in it.

    Parameters
    ----------
    store : ObjectStorage
    bucket : str
    """

    store: ObjectStorage
    bucket: str

    @classmethod
    def made(cls, store: ObjectStorage, bucket: str) -> Self:
        """Return the bucket `bucket` of `store`, made first."""
        store.create_bucket(bucket)
        return cls(store, bucket)

    def put(self, key: str, data: bytes = b"x", *, create_only: bool = False) -> str:
        """Write an object."""
        return self.store.upload_file(self.bucket, key, data, FITS, create_only=create_only)

    def get(self, key: str) -> bytes:
        """Read an object."""
        return self.store.download_file(self.bucket, key)

    def head(self, key: str) -> StoredObject:
        """Return what the store knows about an object that is there."""
        found = self.store.head(self.bucket, key)
        assert found is not None, f"{key} is not there"  # noqa: S101 - it is a test's own claim
        return found

    def mark(self, key: str) -> str:
        """Return the version mark of an object that is there."""
        etag = self.head(key).etag
        assert etag, f"{key} has no version mark"  # noqa: S101 - as above
        return etag

    def listed(self, prefix: str = "") -> list[str]:
        """Return the keys that start with `prefix`."""
        return self.store.list_files(self.bucket, prefix)

    def described(self, key: str, **metadata: str) -> StoredObject:
        """Write an object with user metadata and return what the store knows about it."""
        self.store.upload_file(self.bucket, key, b"x", FITS, user_metadata=metadata or NO_METADATA)
        return self.head(key)
