"""A remote of DVC: its objects ``files/md5/ab/cdef…``, whatever holds them."""

import abc
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from astrid_sdk.errors import AstridError, CorruptionError, NotFoundError, StorageUnavailableError
from astrid_sdk.storage.bulk_items import FileProgress

FILES = "files/md5"
MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """A content of ours that DVC is to find under its MD5."""

    md5: str
    content_hash: str
    tier: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push brought there: objects, and bytes; what was there is not counted."""

    objects: int = 0
    size_bytes: int = 0


class Remote(abc.ABC):
    """Objects by MD5."""

    @abc.abstractmethod
    def describe(self) -> str:
        """Return where it is, for people."""

    @abc.abstractmethod
    def holdings(self) -> dict[str, int]:
        """Return name and size of everything it holds, with one listing."""

    @abc.abstractmethod
    def add(self, contents: Sequence[Content], progress: FileProgress | None) -> None:
        """Bring contents of ours there."""

    @abc.abstractmethod
    def add_listing(self, name: str, content: bytes) -> None:
        """Bring the object there that lists a folder."""

    @abc.abstractmethod
    def read(self, name: str) -> bytes:
        """Return an object, as it is there.

        Raises
        ------
        NotFoundError
            It is not there.
        """

    @abc.abstractmethod
    def fetch(self, wanted: Mapping[Path, str], progress: FileProgress | None) -> None:
        """Write the object that each path is to hold, verified by its MD5.

        Raises
        ------
        NotFoundError, CorruptionError
            One is not there, or does not hold what its name says. All others are written.
        """

    def push(
        self,
        contents: Iterable[Content],
        listings: Mapping[str, bytes],
        progress: FileProgress | None,
    ) -> Pushed:
        """Bring there what is missing: contents first, then the objects that list folders.

        What was brought is looked at again before it counts.

        Raises
        ------
        StorageUnavailableError
            Something did not arrive. Calling again goes on.
        """
        there = self.holdings()
        missing = [
            content
            for content in {content.md5: content for content in contents}.values()
            if there.get(content.md5) != content.size_bytes
        ]
        unlisted = {
            name: content for name, content in listings.items() if there.get(name) != len(content)
        }
        if missing:
            self.add(missing, progress)
            self._confirm({content.md5: content.size_bytes for content in missing})
        for name, content in unlisted.items():
            self.add_listing(name, content)
        sizes = [*(each.size_bytes for each in missing), *map(len, unlisted.values())]
        return Pushed(len(sizes), sum(sizes))

    def _confirm(self, sizes: Mapping[str, int]) -> None:
        there = self.holdings()
        lost = [name for name, size_bytes in sizes.items() if there.get(name) != size_bytes]
        if lost:
            raise StorageUnavailableError(
                f"{len(lost)} of {len(sizes)} objects did not arrive in {self.describe()}, such as "
                f"{lost[0]}; push again",
                wrote=None,
            )


def place_of(name: str) -> str:
    """Return where the object `name` stands in a remote: ``files/md5/ab/cdef…``."""
    return f"{FILES}/{name[:2]}/{name[2:]}"


def name_at(place: str) -> str:
    """Return the name of the object at `place`, ``ab/cdef…``."""
    return place.replace("/", "", 1)


def paths_by_name(wanted: Mapping[Path, str]) -> dict[str, list[Path]]:
    """Return the paths that each object is to be written to."""
    found: dict[str, list[Path]] = {}
    for path, name in wanted.items():
        found.setdefault(name, []).append(path)
    return found


def check_md5(content: bytes, name: str, where: str) -> bytes:
    """Return `content` if its MD5 is what the object is called.

    Raises
    ------
    CorruptionError
        It is not.
    """
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != name.removesuffix(".dir"):
        raise damaged(name, where)
    return content


def damaged(name: str, where: str) -> CorruptionError:
    """Return the error for an object that is not what its name says."""
    return CorruptionError(
        f"the object {name} in {where} does not hold what its name says; it was not handed out: "
        "push it again from where it was made"
    )


def absent(name: str, where: str) -> NotFoundError:
    """Return the error for an object that was never pushed."""
    return NotFoundError(
        f"{where} has no object {name}; push it from where it was made, with push_dataset or "
        "dvc push"
    )


class FirstError:
    """Lets every item have its turn, and raises the first error at the end."""

    def __init__(self) -> None:
        self._error: AstridError | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep an error of what is done inside."""
        try:
            yield
        except AstridError as error:
            self._error = self._error or error

    def settle(self) -> None:
        """Raise the first error, if there was one."""
        if self._error is not None:
            raise self._error


def counted(progress: FileProgress | None, total: int) -> Callable[[str], None]:
    """Return what to call with the name of each item that is done."""
    done = 0

    def one_more(name: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, name)

    return one_more
