"""Whether what stands under a blob's name is the blob: being there is not enough."""

import hashlib
from dataclasses import dataclass

from astrid_sdk.errors import CorruptionError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.blobs import Blob
from astrid_sdk.storage.operations import CONTENT_HASH_METADATA, StoredObject
from astrid_sdk.storage.s3_sameness import is_plain_md5, md5_of
from astrid_sdk.storage.seen import SeenContents


@dataclass(frozen=True, slots=True)
class Soundness:
    """Judges what is stored under the names of blobs.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    seen : SeenContents
        The versions of blobs that this machine wrote or verified.
    """

    storage: ObjectStorage
    bucket: str
    seen: SeenContents

    @property
    def place(self) -> str:
        """Which bucket of which store this is, in the words of `seen`."""
        return f"{self.storage.describe()} {self.bucket}"

    def is_sound(self, stored: StoredObject, blob: Blob) -> bool:
        """Return whether `stored` holds the bytes of `blob`; reads it when nothing else tells."""
        if stored.size_bytes != blob.digests.size_bytes:
            return False
        was_seen = self.seen.etags(self.place, [stored.key]).get(stored.key)
        if stored.etag is not None and stored.etag == was_seen:
            return True
        return checksum_agrees(stored, blob) or self._reads_back(blob)

    def _reads_back(self, blob: Blob) -> bool:
        digest = hashlib.sha256()
        try:
            for piece in self.storage.download_stream(self.bucket, blob.key):
                digest.update(piece)
        except (CorruptionError, NotFoundError):
            return False
        return digest.hexdigest() == blob.digests.content_hash


def checksum_agrees(stored: StoredObject, blob: Blob) -> bool:
    """Return whether a checksum that the store made or keeps tells that it holds `blob`.

    A version mark that is an MD5 was made from the bytes themselves, unlike the recorded hash,
    which is only a claim: where there is such a mark, it decides, if the MD5 is cheap to know.
    """
    if is_plain_md5(stored.etag):
        return blob.data is not None and md5_of(blob.data).hex() == stored.etag
    return stored.user_metadata.get(CONTENT_HASH_METADATA) == blob.digests.content_hash
