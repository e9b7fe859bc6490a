"""Remotes in DVC's configuration: addresses in ``.dvc/config``, keys nowhere but asked for.

What R2 needs of every S3 client stands in ``.dvc/aws-config``, to which the remote's `configpath`
leads: boto's newer default checksums are refused by R2.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.config import Secret
from astrid_sdk.datasets.dvc.border import dvc_calls
from astrid_sdk.datasets.dvc.names import check_remote_name
from astrid_sdk.datasets.dvc.places import S3, Address, StorePlace
from astrid_sdk.datasets.dvc.workspace import AWS_CONFIG, Workspace
from astrid_sdk.datasets.dvc.writing import write_whole
from astrid_sdk.errors import InvalidInputError

OWN = "astrid"
_R2_NEEDS = b"""\
# For stock dvc on Cloudflare R2, which knows no other checksums.
[default]
request_checksum_calculation = when_required
response_checksum_validation = when_required
"""


@dataclass(frozen=True, slots=True)
class NamedRemote:
    """A remote as DVC's configuration has it.

    Attributes
    ----------
    name : str
    address : Address
    is_default : bool
        Whether DVC takes it unasked.
    is_new : bool
        Whether the configuration does not have it yet.
    """

    name: str
    address: Address
    is_default: bool
    is_new: bool

    @property
    def url(self) -> str:
        """Its address as text."""
        return self.address.url


@dataclass(frozen=True)
class Configuration:
    """What DVC is told about remotes in one repository.

    Parameters
    ----------
    workspace : Workspace
    place : StorePlace
        The store's.
    default_url : str
        The remote that belongs to the store.
    """

    workspace: Workspace
    place: StorePlace
    default_url: str

    def default(self) -> str:
        """Return the address of the repository's default remote; "" where it has none."""
        settings = self._read()
        name = settings.get("core", {}).get("remote", "")
        return str(settings.get("remote", {}).get(name, {}).get("url", ""))

    def url_of(self, name: str) -> str:
        """Return the address of the remote `name`, else of the default; "" where there is none."""
        return str(self._read().get("remote", {}).get(name, {}).get("url", "")) or self.default()

    def meant(self, remote: str) -> NamedRemote:
        """Return the remote that is meant.

        Parameters
        ----------
        remote : str
            An address, or a name: of a remote that is there, else for the store's own remote;
            "" is the store's own remote.

        Raises
        ------
        InvalidInputError
            It is neither.
        """
        settings = self._read()
        known: dict[str, dict[str, Any]] = settings.get("remote", {})
        name, address = self._meant(remote.strip(), known)
        core = str(settings.get("core", {}).get("remote", "")) or name
        return NamedRemote(name, address, is_default=core == name, is_new=name not in known)

    def add(self, remote: NamedRemote, *, save_credentials: bool) -> NamedRemote:
        """Put a remote into ``.dvc/config`` where it is not there, and return it.

        Parameters
        ----------
        remote : NamedRemote
        save_credentials : bool
            Keep the store's keys in ``.dvc/config.local``, which only its owner can read and git
            never sees.
        """
        is_s3 = remote.address.scheme == S3 and self.place.is_s3
        if remote.is_new or (remote.is_default and not self.default()):
            self._write(remote, is_s3=is_s3)
        if is_s3 and save_credentials:
            self._save_credentials(remote.name)
        return remote

    def _meant(self, remote: str, known: dict[str, dict[str, Any]]) -> tuple[str, Address]:
        own = Address.parse(self.default_url, Path.cwd())
        is_address = "://" in remote or "/" in remote or remote.startswith((".", "~"))
        if remote and not is_address:
            said = str(known.get(check_remote_name(remote), {}).get("url", ""))
            return remote, Address.parse(said, self.workspace.root) if said else own
        meant = Address.parse(remote, Path.cwd()) if remote else own
        for name, settings in known.items():
            if _is_at(str(settings.get("url", "")), self.workspace.root, meant):
                return name, meant
        is_plain = meant == own and OWN not in known
        return (OWN if is_plain else f"{OWN}-{sha256_hex(meant.url.encode())[:8]}"), meant

    def _read(self) -> dict[str, Any]:
        with dvc_calls("read DVC's configuration"):
            from dvc.config import Config  # noqa: PLC0415 - dvc takes a second to import

            return dict(Config(str(self.workspace.folder)))

    def _write(self, remote: NamedRemote, *, is_s3: bool) -> None:
        if is_s3:
            write_whole(self.workspace.folder / AWS_CONFIG, _R2_NEEDS)
        with dvc_calls("write DVC's configuration"):
            from dvc.config import Config  # noqa: PLC0415 - as above

            with Config(str(self.workspace.folder)).edit("repo") as settings:
                if remote.is_default:
                    settings["core"]["remote"] = remote.name
                if remote.is_new:
                    settings["remote"][remote.name] = self._settings(remote.address, is_s3=is_s3)

    def _settings(self, address: Address, *, is_s3: bool) -> dict[str, str]:
        if is_s3:
            path = str(self.workspace.folder / AWS_CONFIG)
            return {"url": address.url, **self.place.settings, "configpath": _relative(path)}
        is_inside = not address.scheme and self.workspace.root in Path(address.path).parents
        return {"url": _relative(address.path) if is_inside else address.url}

    def _save_credentials(self, name: str) -> None:
        place = self.workspace.folder / "config.local"
        self.workspace.ignore_local()
        if not place.exists():
            place.touch(0o600)
        place.chmod(0o600)  # before the first key stands in it
        keys = {
            said: key.reveal() if isinstance(key, Secret) else key
            for said, key in self.place.credentials.items()
        }
        with dvc_calls("write DVC's local configuration"):
            from dvc.config import Config  # noqa: PLC0415 - as above

            with Config(str(self.workspace.folder)).edit("local") as settings:
                settings["remote"].setdefault(name, {}).update(keys)


def _relative(path: str) -> Any:
    """Return `path` as DVC marks those that it writes relative to its configuration."""
    from dvc.config_schema import RelPath  # noqa: PLC0415 - as above

    return RelPath(path)


def _is_at(url: str, root: Path, meant: Address) -> bool:
    try:
        return Address.parse(url, root) == meant
    except InvalidInputError:  # only DVC reaches it: it is none of ours
        return False
