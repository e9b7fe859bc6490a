"""Where a remote of DVC is: its address read, its settings for DVC's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from astrid_sdk.config import Secret
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.tiers import Tier

_DEFAULT = f"{Tier.DATASETS.value}/dvc"
_SETTINGS = {"AWS_ENDPOINT_URL": "endpointurl", "AWS_REGION": "region"}
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
}
S3 = "s3"


@dataclass(frozen=True)
class StorePlace:
    """Where the store itself is, in DVC's words.

    Parameters
    ----------
    url : str
        Of the bucket: ``s3://bucket``, or the path of its folder.
    settings : mapping of str to str
        What DVC's configuration says of a remote there; no secret.
    credentials : mapping of str to Secret or str
        By DVC's names.
    """

    url: str
    settings: Mapping[str, str]
    credentials: Mapping[str, Secret | str] = field(repr=False)

    @classmethod
    def of(cls, storage: ObjectStorage, bucket: str) -> "StorePlace":
        """Return where the bucket is, as table libraries are told.

        Raises
        ------
        InvalidInputError
            ``kind="unsupported"``: only this process can reach the store.
        """
        location = storage.table_location(bucket, "dvc")  # <bucket>/_catalog/dvc
        url = location.uri.rsplit("/", 2)[0]
        options = location.options
        return cls(
            url,
            {ours: str(options[name]) for name, ours in _SETTINGS.items() if name in options},
            {ours: options[name] for name, ours in _CREDENTIALS.items() if name in options},
        )

    @property
    def is_s3(self) -> bool:
        """Whether it is across a network."""
        return self.url.startswith(f"{S3}://")

    @property
    def default_url(self) -> str:
        """Where DVC's objects stand by default: in the store itself."""
        return f"{self.url}/{_DEFAULT}"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a remote.

    Attributes
    ----------
    scheme : str
        Such as ``"s3"``; "" for a folder.
    bucket : str
        "" for a folder.
    path : str
        The prefix in the bucket without slashes around it, or the folder's absolute path.
    """

    scheme: str
    bucket: str
    path: str

    @classmethod
    def parse(cls, url: str, folder: Path) -> "Address":
        """Read an address; a relative path is one from `folder`.

        Raises
        ------
        InvalidInputError
            It holds credentials, which would be kept in plain text, or has no bucket
            (``kind="remote"``).
        """
        if "://" not in url:
            return cls("", "", str((folder / Path(url).expanduser()).resolve()))
        parts = urlsplit(url)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InvalidInputError(
                "the address of a DVC remote must not hold credentials or a query: it stands in "
                "files that others read; give a plain one such as 's3://bucket/folder'",
                kind="remote",
            )
        if parts.scheme == "file":
            return cls("", "", str(Path(unquote(parts.path)).resolve()))
        if not parts.netloc:
            raise InvalidInputError(f"{url!r} names no bucket or host", kind="remote")
        return cls(parts.scheme, parts.netloc, parts.path.strip("/"))

    @property
    def url(self) -> str:
        """The address as text."""
        tail = f"/{self.path}" if self.path else ""
        return f"{self.scheme}://{self.bucket}{tail}" if self.scheme else self.path
