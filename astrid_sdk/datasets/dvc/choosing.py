"""Which remote an address means, seen from one store."""

from dataclasses import dataclass
from pathlib import Path

from astrid_sdk.datasets.dvc.bucket_remote import BucketRemote
from astrid_sdk.datasets.dvc.folder_remote import FolderRemote
from astrid_sdk.datasets.dvc.places import S3, Address, StorePlace
from astrid_sdk.datasets.dvc.remotes import Remote
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage


@dataclass(frozen=True)
class Remotes:
    """The remotes that one store can push to.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    cas : ContentAddressedStorage
    place : StorePlace
    default_url : str
        The remote that belongs to the store.
    """

    storage: ObjectStorage
    bucket: str
    cas: ContentAddressedStorage
    place: StorePlace
    default_url: str

    def address(self, url: str, folder: Path) -> Address:
        """Return the address `url` means; "" is the store's own remote."""
        return Address.parse(url or self.default_url, folder)

    def open(self, address: Address) -> Remote:
        """Return the remote at `address`.

        Raises
        ------
        InvalidInputError
            Only DVC itself can reach it (``kind="unsupported"``).
        """
        if not address.scheme:
            return self._folder(Path(address.path))
        if address.scheme == S3 and self.place.is_s3:
            return BucketRemote(self.storage, address.bucket, address.path, self.bucket, self.cas)
        raise InvalidInputError(
            f"{address.url} is not where this store is, and cannot be reached with its keys: run "
            "dvc push and dvc pull there yourself, or push to the store's own remote",
            kind="unsupported",
        )

    def _folder(self, folder: Path) -> Remote:
        """Return the remote in a folder; one in our own store's folder is a part of the bucket."""
        home = Path(self.place.url)
        if not self.place.is_s3 and home in folder.parents:
            prefix = folder.relative_to(home).as_posix()
            return BucketRemote(self.storage, self.bucket, prefix, self.bucket, self.cas)
        return FolderRemote(folder, self.cas)
