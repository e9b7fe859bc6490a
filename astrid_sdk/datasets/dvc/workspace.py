"""A repository of DVC on this machine: found or made, locked, configured."""

import hashlib
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from astrid_sdk.canonical import json_hash
from astrid_sdk.datasets.dvc.border import dvc_calls
from astrid_sdk.datasets.dvc.dvc_file import place_beside
from astrid_sdk.datasets.dvc.git import GitRepository
from astrid_sdk.datasets.dvc.writing import write_whole
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage import local_files
from astrid_sdk.storage.source_files import reading

_LOCAL = {"/config.local", "/tmp", "/cache"}  # noqa: S108 - lines of .dvc/.gitignore
_ALONE = threading.RLock()
DVC_FOLDER = ".dvc"


@dataclass(frozen=True)
class Workspace:
    """A folder with a ``.dvc`` folder in it.

    Parameters
    ----------
    root : Path
        Absolute, without links.
    """

    root: Path

    @classmethod
    def around(cls, path: Path) -> "Workspace | None":
        """Return the repository of DVC that `path` is in, if any."""
        for above in path.parents:
            if (above / DVC_FOLDER).is_dir():
                return cls(above)
        return None

    @classmethod
    def made_for(cls, path: Path) -> "Workspace":
        """Return the repository that `path` is in, made where there is none.

        In the root of the git repository, or beside `path` where there is no git.

        Raises
        ------
        InvalidInputError
            DVC refuses.
        """
        found = cls.around(path)
        if found is not None and found.is_whole:
            return found
        git = GitRepository.around(path.parent)
        root = found.root if found else (path.parent if git is None else git.root)
        made = cls(root)
        with _ALONE, local_files.locked(_lock_of(root)):
            if not made.is_whole:  # nobody was faster
                made.begin()
        return made

    @property
    def is_whole(self) -> bool:
        """Whether it was made to its end."""
        place = self.folder / "config"
        return place.is_file() and place.stat().st_size > 0

    def begin(self) -> None:
        """Make the repository, with what DVC reports about its use switched off."""
        with dvc_calls(f"set up DVC in {self.root}"):
            from dvc.config import Config  # noqa: PLC0415 - dvc takes a second to import
            from dvc.repo import Repo  # noqa: PLC0415 - as above

            if not self.folder.is_dir():
                Repo.init(str(self.root), no_scm=self.git is None).close()
            with Config(str(self.folder)).edit("repo") as settings:
                settings["core"]["analytics"] = False
                if self.git is None:
                    settings["core"]["no_scm"] = True

    @cached_property
    def git(self) -> GitRepository | None:
        """The git repository around it, if any."""
        return GitRepository.around(self.root)

    @property
    def folder(self) -> Path:
        """The ``.dvc`` folder."""
        return self.root / DVC_FOLDER

    @property
    def own_files(self) -> list[Path]:
        """What DVC itself keeps in git, as far as it is there."""
        names = (".dvcignore", ".dvc/config", ".dvc/.gitignore", f".dvc/{AWS_CONFIG}")
        return [path for name in names if (path := self.root / name).is_file()]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the repository alone: against our own threads, other processes, and dvc itself.

        dvc holds a lock on the same file while it works (`zc.lockfile`).
        """
        temporary = self.folder / "tmp"
        with ExitStack() as stack:
            with reading(temporary):
                temporary.mkdir(exist_ok=True)
                stack.enter_context(local_files.locked(temporary / "lock"))
            yield

    def check_apart(self, path: Path) -> None:
        """Refuse a path that cannot be a dataset here.

        Raises
        ------
        InvalidInputError
            It holds the repository, is inside ``.dvc``, or inside another dataset
            (``kind="path"``).
        """
        if path == self.root or path in self.root.parents or self.folder in (path, *path.parents):
            raise InvalidInputError(
                f"{path} holds the DVC repository, or is a part of it; make the data a folder "
                "of their own",
                kind="path",
            )
        for above in path.parents:
            if above == self.root:
                return
            if place_beside(above).is_file():
                raise InvalidInputError(
                    f"{path} is inside {above}, which is a dataset already; version that",
                    kind="path",
                )

    def token_of(self, path: Path) -> str:
        """Return what shows that a claim is of the folder at `path`, the same at each call.

        It is drawn once for this repository and kept where git does not look.
        """
        place = self.folder / "tmp" / "astrid-token"
        if not place.is_file():
            write_whole(place, uuid.uuid4().hex.encode())
        name = path.relative_to(self.root).as_posix()
        return json_hash([place.read_text(), name])[:32]

    def ignore_local(self) -> None:
        """See that git will not keep what is of this machine only, whoever begins a repository."""
        place = self.folder / ".gitignore"
        lines = place.read_text().splitlines() if place.is_file() else []
        missing = sorted(_LOCAL - set(lines))
        if missing:
            write_whole(place, "\n".join([*lines, *missing, ""]).encode())

    def ignore_data(self, path: Path) -> list[Path]:
        """See that git leaves the data at `path` to DVC; return the file that says so, if any."""
        if self.git is None:
            return []
        place = path.parent / ".gitignore"
        if not self.git.is_ignored(path):
            text = place.read_text() if place.is_file() else ""
            gap = "" if not text or text.endswith("\n") else "\n"
            write_whole(place, f"{text}{gap}/{_escaped(path.name)}\n".encode())
        return [place] if place.is_file() else []


AWS_CONFIG = "aws-config"


def _lock_of(root: Path) -> Path:
    """Return the file that is locked while a repository is made in `root`."""
    name = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"astrid-dvc-{name}.lock"


def _escaped(name: str) -> str:
    """Return `name` as a line of ``.gitignore`` that means just it."""
    return "".join(f"\\{each}" if each in "[]!*#?\\" else each for each in name)
