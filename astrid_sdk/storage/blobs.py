"""What a blob is called, where it stands, and what is about to be stored as one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from astrid_sdk.storage.hashing import Digests
from astrid_sdk.storage.keys import check_content_hash
from astrid_sdk.storage.operations import Body
from astrid_sdk.tiers import Tier


def blob_folder(tier: Tier) -> str:
    """Return the prefix of all blobs of `tier`: ``<tier>/sha256/``."""
    return f"{tier.value}/sha256/"


def blob_key(content_hash: str, tier: Tier) -> str:
    """Return where the blob `content_hash` stands in `tier`: ``<tier>/sha256/<hash[:2]>/<hash>``.

    Raises
    ------
    InvalidInputError
        `content_hash` is not 64 lower-case hex digits.
    """
    checked = check_content_hash(content_hash)
    return f"{tier.value}/sha256/{checked[:2]}/{checked}"


class ContentHash(str):
    """A content hash that was just stored: a plain string, and what became of the bytes.

    Parameters
    ----------
    content_hash : str
    is_new : bool
        False where the same bytes were there and sound.
    is_spooled : bool
        True where the store was away and the bytes wait in the outbox of this machine.
    """

    __slots__ = ("is_new", "is_spooled")

    is_new: bool
    is_spooled: bool

    def __new__(  # noqa: D102 - the class docstring documents its parameters
        cls, content_hash: str, *, is_new: bool = True, is_spooled: bool = False
    ) -> Self:
        made = super().__new__(cls, content_hash)
        made.is_new = is_new
        made.is_spooled = is_spooled
        return made


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are about to be stored, in memory or in a file, and their digests."""

    digests: Digests
    source: Path | Body
    content_type: str
    tier: Tier

    @property
    def key(self) -> str:
        """Where it goes."""
        return blob_key(self.digests.content_hash, self.tier)

    @property
    def data(self) -> Body | None:
        """The bytes, where they are in memory."""
        return None if isinstance(self.source, Path) else self.source
