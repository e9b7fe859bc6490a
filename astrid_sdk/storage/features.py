"""What only some stores have: tables, URLs that carry permission, rules of a bucket."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence

from astrid_sdk.config import Secret
from astrid_sdk.storage.capabilities import Capabilities, unsupported


@dataclasses.dataclass(frozen=True)
class TableLocation:
    """Where a catalogue table is, in the words of a table library.

    Parameters
    ----------
    uri : str
        A plain path, or ``s3://bucket/_catalog/name``.
    options : Mapping[str, Secret or str]
        Storage options by their AWS names; keys to the store are kept as `Secret`.
    """

    uri: str
    options: Mapping[str, Secret | str]

    def reveal_options(self) -> dict[str, str]:
        """Return the options in plain text, to be handed on at once and never kept."""
        return {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in self.options.items()
        }


class StoreFeatures(abc.ABC):
    """What a store says of itself, and what it may lack.

    The methods here raise `InvalidInputError` of kind ``"unsupported"`` unless the store
    overrides them, which its `capabilities` say beforehand.
    """

    @property
    @abc.abstractmethod
    def capabilities(self) -> Capabilities:
        """What this store can do beyond what every store must."""

    @abc.abstractmethod
    def describe(self) -> str:
        """Return where the store is, for people. Never a secret."""

    def table_location(self, bucket: str, name: str) -> TableLocation:
        """Return how a table library opens the catalogue table `name` of this bucket.

        Raises
        ------
        InvalidInputError
            ``kind="unsupported"``: not where `capabilities` say so.
        """
        raise unsupported(self.describe(), f"has no tables, such as {name!r} of bucket {bucket!r}")

    def presign_get(self, bucket: str, key: str, *, expires_s: int = 3600) -> str:
        """Return a URL that lets whoever holds it read the object until it expires.

        Raises
        ------
        InvalidInputError
            ``kind="unsupported"``, or `expires_s` is not within 1 s and 7 days.
        """
        raise unsupported(
            self.describe(), f"makes no URL, to read {key!r} of bucket {bucket!r} for {expires_s} s"
        )

    def presign_put(
        self, bucket: str, key: str, *, content_type: str, expires_s: int = 3600
    ) -> str:
        """Return a URL that lets whoever holds it write the object; see `presign_get`."""
        what = f"makes no URL, to write {key!r} of bucket {bucket!r} as {content_type}"
        raise unsupported(self.describe(), f"{what} for {expires_s} s")

    def set_lifecycle(
        self, bucket: str, *, expire_days: Mapping[str, int], abort_uploads_days: int = 7
    ) -> None:
        """Let the store delete what is older than so many days, by prefix, and stale uploads.

        Raises
        ------
        InvalidInputError
            ``kind="unsupported"``.
        """
        what = f"cannot delete by itself from bucket {bucket!r}: neither uploads"
        asked = f"{what} after {abort_uploads_days} days nor objects after {dict(expire_days)}"
        raise unsupported(self.describe(), asked)

    def set_cors(self, bucket: str, origins: Sequence[str]) -> None:
        """Let web pages of `origins` read from and write to presigned URLs of the bucket.

        Raises
        ------
        InvalidInputError
            ``kind="unsupported"``.
        """
        raise unsupported(
            self.describe(), f"serves no web pages, of {', '.join(origins)}, from bucket {bucket!r}"
        )

    def close(self) -> None:  # noqa: B027 - most stores hold nothing
        """Give back connections and threads; the store may be used again."""
