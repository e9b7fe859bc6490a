"""Whether an object holds certain bytes, as far as its version mark tells.

On R2 and S3 the mark of an object sent as one is the MD5 of its bytes, that of one sent in parts
the MD5 of the parts' MD5s and their number; other servers make marks of their own. Which kind a
server is of is learned from its answers, never assumed.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TypeGuard

from astrid_sdk.storage.operations import (
    CONTENT_HASH_METADATA,
    Body,
    StoredObject,
    UploadedPart,
)

_MD5 = re.compile(r"[0-9a-f]{32}")
_OF_PARTS = re.compile(r"[0-9a-f]{32}-[1-9][0-9]*")


class Identity:
    """The digests of a body, each worked out when it is first asked for.

    Parameters
    ----------
    data : bytes-like
    content_hash : str or None
        Its SHA-256 in hex, where it is known.
    """

    def __init__(self, data: Body, content_hash: str | None) -> None:
        self._data = data
        self.size_bytes = len(data)
        self.sha256 = content_hash or hashlib.sha256(data).hexdigest()

    @cached_property
    def md5(self) -> bytes:
        """What marks and Content-MD5 are made of; it guards nothing."""
        return md5_of(self._data)


class EtagKind:
    """What is known of a server's version marks. May be used from many threads."""

    def __init__(self) -> None:
        self._are_md5: bool | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is known of which kind the server is."""
        return self._are_md5 is not None

    def are_opaque(self) -> None:
        """Note that a mark was no MD5 of bytes that were read back and found right."""
        self._are_md5 = False

    def is_md5_of(self, etag: str | None, identity: Identity) -> bool:
        """Return whether the mark proves these bytes."""
        if not self.may_be_md5 or etag != identity.md5.hex():
            return False
        self._are_md5 = True
        return True

    def is_good(self, etag: str | None, identity: Identity) -> bool:
        """Return whether the mark of a body just sent proves it, or can prove nothing here."""
        return self._are_md5 is False or self.is_md5_of(etag, identity)

    def says_other(self, etag: str | None) -> bool:
        """Return whether the mark proves that these are other bytes than those it is not of."""
        return self._are_md5 is True and is_plain_md5(etag)

    @property
    def may_be_md5(self) -> bool:
        """Whether an MD5 is worth working out."""
        return self._are_md5 is not False

    def contradicts(self, etag: str | None, data: Body) -> bool:
        """Return whether the mark proves that `data` are not the object's bytes.

        A mark that matches teaches the kind; one that does not is held against the bytes only
        where the kind is known.
        """
        if not self.may_be_md5 or not is_plain_md5(etag):
            return False
        if md5_of(data).hex() == etag:
            self._are_md5 = True
            return False
        return self._are_md5 is True

    def is_of_parts(self, etag: str | None, parts: Sequence[UploadedPart]) -> bool:
        """Return whether the mark is that of an object made of these parts."""
        if not all(is_plain_md5(part.etag) for part in parts):
            return False
        joined = b"".join(bytes.fromhex(part.etag) for part in parts)
        return etag == f"{md5_of(joined).hex()}-{len(parts)}"

    def contradicts_parts(self, etag: str | None, parts: Sequence[UploadedPart]) -> bool:
        """Return whether the mark proves that the object was made of other parts."""
        is_telling = self._are_md5 is True and etag is not None and _OF_PARTS.fullmatch(etag)
        return bool(is_telling) and not self.is_of_parts(etag, parts)


def md5_of(data: Body) -> bytes:
    """Return the MD5 of `data`: what marks and Content-MD5 are made of; it guards nothing."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def is_plain_md5(etag: str | None) -> TypeGuard[str]:
    """Return whether a version mark looks like the MD5 of a body sent as one."""
    return etag is not None and _MD5.fullmatch(etag) is not None


def is_of_another(found: StoredObject, content_hash: str | None) -> bool:
    """Return whether the object records another content: a writer of another one made it."""
    recorded = found.user_metadata.get(CONTENT_HASH_METADATA)
    return recorded is not None and recorded != content_hash
