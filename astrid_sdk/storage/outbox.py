"""Writes that wait on this machine until the store is back: durable, in order, each once.

Layout of the folder::

    waiting/<number>-<nonce>.json    what to write; its appearing here is the commit point
    bodies/<nonce>                   the bytes, complete and on the disk before that
    intents/<number>-<nonce>.json    what stood in the store before the write was first tried
    refused/<number>-<nonce>.json    what the store refused for good, with its reason
    append.lock, drain.lock          of all processes; the second is held while draining
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

from astrid_sdk.errors import AstridError, StorageUnavailableError
from astrid_sdk.storage.local_files import closing, locked, make_folders, sync_folder
from astrid_sdk.storage.operations import NO_METADATA, Put, StoredObject

_FORMAT_VERSION = 1
_WAITING, _BODIES, _INTENTS, _REFUSED = "waiting", "bodies", "intents", "refused"
_PIECE_BYTES = 1 << 20
_ORPHAN_S = 24 * 3600.0
_SETTLED_NS = 50_000_000  # a folder's stamp is some milliseconds coarse: a younger one may lie


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One write that waits; `reason` is why the store refused it, if it did."""

    name: str
    bucket: str
    key: str
    content_type: str
    create_only: bool
    content_hash: str
    size_bytes: int
    body: Path
    user_metadata: Mapping[str, str] = dataclasses.field(default_factory=lambda: NO_METADATA)
    reason: str = ""

    @classmethod
    def read(cls, path: Path, bodies: Path) -> Self:
        """Return the entry that the file `path` describes."""
        said = json.loads(path.read_bytes())
        said.pop("format_version")
        return cls(name=path.name, body=bodies / path.stem.partition("-")[2], **said)

    def described(self) -> bytes:
        """Return what its file holds."""
        fields = (field.name for field in dataclasses.fields(self))
        said = {name: getattr(self, name) for name in fields if name not in {"name", "body"}}
        said |= {"format_version": _FORMAT_VERSION, "user_metadata": dict(self.user_metadata)}
        return json.dumps(said).encode()


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """A body that is on the disk and not yet waiting."""

    body: Path
    content_hash: str
    size_bytes: int


class Outbox:
    """The writes that wait in a folder, shared by all processes of this machine.

    Parameters
    ----------
    folder : Path
        Made when the first write comes; for this user only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Entry] = {}
        self._seen: tuple[int, list[Entry]] | None = None

    def draft(self, pieces: Iterable[bytes | bytearray | memoryview]) -> Draft:
        """Write a body to the disk, to be queued or discarded.

        Raises
        ------
        OSError
            The disk takes no more.
        """
        body = self.new_body()
        try:
            with body.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            return self.finish(body)
        except BaseException:  # a full disk must not be kept full by half a file
            body.unlink(missing_ok=True)
            raise

    def new_body(self) -> Path:
        """Make an empty file to be filled, and given to `finish` or removed."""
        self._make()
        body = self.folder / _BODIES / secrets.token_hex(16)
        body.touch(exist_ok=False)
        return body

    def finish(self, body: Path) -> Draft:
        """Force a body to the disk and hash it."""
        digest, size_bytes = hashlib.sha256(), 0
        with body.open("rb") as file:
            os.fsync(file.fileno())
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                size_bytes += len(piece)
        sync_folder(body.parent)
        return Draft(body, digest.hexdigest(), size_bytes)

    def queue(self, put: Put, draft: Draft) -> Entry:
        """Let the write wait, behind all others; it survives a crash when this returns."""
        waiting = self.folder / _WAITING
        with locked(self.folder / "append.lock"):
            names = [*_names(waiting), *_names(self.folder / _REFUSED)]
            number = max((int(name.partition("-")[0]) for name in names), default=0) + 1
            entry = Entry(
                name=f"{number:016d}-{draft.body.name}.json",
                bucket=put.bucket,
                key=put.key,
                content_type=put.content_type,
                create_only=put.create_only,
                content_hash=draft.content_hash,
                size_bytes=draft.size_bytes,
                body=draft.body,
                user_metadata=put.user_metadata,
            )
            self._publish(waiting / entry.name, entry.described())
        self._seen = None
        return entry

    def entries(self) -> list[Entry]:
        """Return what waits, first come first. Cheap while nothing changes."""
        waiting = self.folder / _WAITING
        try:
            stamp = waiting.stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return []
        if self._seen is not None and self._seen[0] == stamp:
            return self._seen[1]
        now = time.time_ns()
        found = self._read(waiting)
        self._seen = (stamp, found) if now - stamp > _SETTLED_NS else None
        return found

    def waiting(self, bucket: str, key: str) -> Entry | None:
        """Return the latest write of this key that waits."""
        found = [each for each in self.entries() if (each.bucket, each.key) == (bucket, key)]
        return found[-1] if found else None

    def refused(self) -> list[Entry]:
        """Return what the store refused for good."""
        return self._read(self.folder / _REFUSED)

    def requeue(self) -> int:
        """Let what was refused wait again, in its old place; return how many."""
        refused = self.refused()
        for entry in refused:
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                (self.folder / _REFUSED / entry.name).rename(self.folder / _WAITING / entry.name)
        if refused:
            sync_folder(self.folder / _WAITING)
            sync_folder(self.folder / _REFUSED)
        self._seen = None
        self._known.clear()
        return len(refused)

    @contextlib.contextmanager
    def draining(self, *, wait: bool) -> Iterator[bool]:
        """Be the only one who drains, of all threads and processes; False where another is."""
        self._make()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        with closing(os.open(self.folder / "drain.lock", flags, 0o600)) as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            self._sweep()
            yield True

    def intent(self, entry: Entry) -> "Mark | None":
        """Return what stood in the store before an earlier try to write `entry`, if one began."""
        try:
            said = json.loads((self.folder / _INTENTS / entry.name).read_bytes())
        except FileNotFoundError:
            return None
        return Mark(**said)

    def intend(self, entry: Entry, mark: "Mark") -> None:
        """Note what stands in the store, before `entry` is first tried."""
        said = json.dumps(dataclasses.asdict(mark)).encode()
        self._publish(self.folder / _INTENTS / entry.name, said)

    def done(self, entry: Entry) -> None:
        """Let `entry` go: it is in the store."""
        (self.folder / _WAITING / entry.name).unlink(missing_ok=True)
        sync_folder(self.folder / _WAITING)
        self._seen = None
        (self.folder / _INTENTS / entry.name).unlink(missing_ok=True)
        entry.body.unlink(missing_ok=True)

    def refuse(self, entry: Entry, error: AstridError) -> None:
        """Put `entry` aside with the reason."""
        aside = dataclasses.replace(entry, reason=f"{error.kind}: {error.message}")
        self._publish(self.folder / _REFUSED / entry.name, aside.described())
        (self.folder / _WAITING / entry.name).unlink(missing_ok=True)
        sync_folder(self.folder / _WAITING)
        self._seen = None
        (self.folder / _INTENTS / entry.name).unlink(missing_ok=True)

    def _read(self, folder: Path) -> list[Entry]:
        found = []
        for name in sorted(_names(folder)):
            entry = self._known.get(name) if folder.name == _WAITING else None
            with contextlib.suppress(FileNotFoundError):  # drained meanwhile
                found.append(entry or Entry.read(folder / name, self.folder / _BODIES))
        if folder.name == _WAITING:
            self._known = {entry.name: entry for entry in found}
        return found

    def _publish(self, path: Path, said: bytes) -> None:
        temporary = self.folder / _BODIES / f"{secrets.token_hex(16)}.tmp"
        with temporary.open("xb") as file:
            file.write(said)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)

    def _make(self) -> None:
        if (self.folder / _REFUSED).is_dir():  # the last that is made
            return
        make_folders(self.folder)
        self.folder.chmod(0o700)
        for name in (_WAITING, _BODIES, _INTENTS, _REFUSED):
            make_folders(self.folder / name)

    def _sweep(self) -> None:
        """Remove what no entry names: its writer died before or after its entry was there."""
        names = {*_names(self.folder / _WAITING), *_names(self.folder / _REFUSED)}
        named = names | {Path(name).stem.partition("-")[2] for name in names}
        oldest = time.time() - _ORPHAN_S
        for folder in (_BODIES, _INTENTS):
            for path in (self.folder / folder).iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if path.name not in named and path.stat().st_mtime < oldest:
                        path.unlink()


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """Which version of an object a store holds; all empty where it holds none."""

    etag: str | None = None
    size_bytes: int | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, found: StoredObject | None) -> Self:
        """Return the mark of what a store answered."""
        if found is None:
            return cls()
        if found.etag is not None:
            return cls(etag=found.etag)
        modified = found.last_modified.isoformat() if found.last_modified else None
        return cls(size_bytes=found.size_bytes, last_modified=modified)


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if path.suffix == ".json"]
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def told_of_disk() -> Iterator[None]:
    """Turn an error of this machine's disk into one of ours.

    Raises
    ------
    StorageUnavailableError
        ``kind="outbox"``.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, AstridError):  # some of ours are OSErrors too
            raise
        raise StorageUnavailableError(
            f"writes wait for the store, and their outbox on this machine cannot be used "
            f"({error.strerror}); nothing was written: see to the disk, then try again",
            kind="outbox",
        ) from error
