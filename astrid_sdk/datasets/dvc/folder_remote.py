"""A remote in a folder of this machine."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from astrid_sdk.datasets.dvc.remotes import (
    FILES,
    Content,
    FirstError,
    Remote,
    absent,
    counted,
    damaged,
    place_of,
)
from astrid_sdk.datasets.dvc.writing import md5_of_file, replacing, write_whole
from astrid_sdk.datasets.fetching import Wanted, fetch
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.bulk_items import FileProgress
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.source_files import reading


@dataclass(frozen=True)
class FolderRemote(Remote):
    """DVC's objects as files.

    Parameters
    ----------
    folder : Path
        Made when something is pushed.
    cas : ContentAddressedStorage
    """

    folder: Path
    cas: ContentAddressedStorage

    @override
    def describe(self) -> str:
        return f"folder {self.folder}"

    @override
    def holdings(self) -> dict[str, int]:
        found: dict[str, int] = {}
        if not (self.folder / FILES).is_dir():
            return found
        with reading(self.folder):
            for shard, _, names in os.walk(self.folder / FILES, onerror=_raise):
                start = Path(shard).name
                for name in names:
                    found[f"{start}{name}"] = Path(shard, name).stat().st_size
        return found

    @override
    def add(self, contents: Sequence[Content], progress: FileProgress | None) -> None:
        wanted = [Wanted(each.content_hash, place_of(each.md5), each.tier) for each in contents]
        fetch(self.cas, wanted, self.folder, progress)

    @override
    def add_listing(self, name: str, content: bytes) -> None:
        write_whole(self.folder / place_of(name), content)

    @override
    def read(self, name: str) -> bytes:
        try:
            return (self.folder / place_of(name)).read_bytes()
        except FileNotFoundError as error:
            raise absent(name, self.describe()) from error
        except OSError as error:
            raise InvalidInputError(
                f"cannot read {self.describe()}: {error.strerror}; check its rights",
                kind="unreadable",
            ) from error

    @override
    def fetch(self, wanted: Mapping[Path, str], progress: FileProgress | None) -> None:
        one_more, errors = counted(progress, len(wanted)), FirstError()
        for path, name in wanted.items():
            with errors.kept():
                self._copy(name, path)
                one_more(name)
        errors.settle()

    def _copy(self, name: str, path: Path) -> None:
        source = self.folder / place_of(name)
        if not source.is_file():
            raise absent(name, self.describe())
        with replacing(path) as temporary:
            copy_bytes(source, temporary)
            if md5_of_file(temporary) != name:
                raise damaged(name, self.describe())


def _raise(error: OSError) -> None:
    raise error


def copy_bytes(source: Path, target: Path) -> None:
    """Copy what is in a file, without its rights: DVC's objects are read-only."""
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(1 << 20):
            writing.write(piece)
