"""The git repository around a folder: DVC's files committed, and nothing else of the user's.

git is called as a program, without a shell and with ``--`` before every path.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from astrid_sdk.config import child_environment
from astrid_sdk.errors import InvalidInputError

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
_PLAIN = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
_LITERAL = {**_PLAIN, "GIT_LITERAL_PATHSPECS": "1"}
"""A path with an asterisk or a colon is just that; check-ignore takes paths so anyway."""
_FIELDS = "%H%x00%an%x00%aI%x00%s"
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit, and what a file held then.

    Attributes
    ----------
    revision : str
    author : str
    created_at : datetime
    message : str
        Its first line.
    content : bytes
    """

    revision: str
    author: str
    created_at: datetime
    message: str
    content: bytes


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A working tree of git.

    Parameters
    ----------
    root : Path
    """

    root: Path

    @classmethod
    def around(cls, folder: Path) -> "GitRepository | None":
        """Return the repository that `folder` is in, if any.

        Raises
        ------
        InvalidInputError
            There is one, and git cannot use it.
        """
        for above in (folder, *folder.parents):
            if (above / ".git").exists():
                root = _output(above, "rev-parse", "--show-toplevel").decode().rstrip("\n")
                return cls(Path(root))
        return None

    def check_can_commit(self) -> None:
        """Refuse where a commit of a few paths would end in the middle of something else.

        Raises
        ------
        InvalidInputError
            A merge, a rebase or the like is under way (``kind="git"``).
        """
        for name, what in _UNDER_WAY.items():
            place = self._run("rev-parse", "--git-path", name).decode().rstrip("\n")
            if (self.root / place).exists():
                raise InvalidInputError(
                    f"{what} is under way in {self.root}: finish it first, or version with "
                    "commit=False",
                    kind="git",
                )

    def check_not_ignored(self, path: Path) -> None:
        """Refuse a file that git would not keep.

        Raises
        ------
        InvalidInputError
            A ``.gitignore`` names it (``kind="git"``).
        """
        if self.is_ignored(path):
            raise InvalidInputError(
                f"{path} is named in a .gitignore, so git would not keep it; take it out there",
                kind="git",
            )

    def is_ignored(self, path: Path) -> bool:
        """Return whether a ``.gitignore`` names `path`."""
        answer = _answer(self.root, "check-ignore", "-q", "--", str(path), settings=_PLAIN)
        if answer.returncode not in {0, 1}:
            raise _failed(self.root, "check-ignore", answer)
        return answer.returncode == 0

    def check_not_tracked(self, path: Path) -> None:
        """Refuse data that git has already.

        Raises
        ------
        InvalidInputError
            git tracks something there (``kind="git"``).
        """
        if self._run("ls-files", "-z", "--", str(path)):
            raise InvalidInputError(
                f"git tracks what is in {path}, and DVC cannot track it too; take it out of git "
                f"with: git rm -r --cached -- {path.name}",
                kind="git",
            )

    def commit(self, paths: Sequence[Path], message: str) -> None:
        """Commit `paths` as they are, and nothing else: what the user staged stays staged.

        Nothing happens where they are committed already.

        Raises
        ------
        InvalidInputError
            git refuses, with what it said (``kind="git"``).
        """
        names = [str(path) for path in paths]
        if not self._run("status", "--porcelain=v1", "-z", "-uall", "--", *names):
            return
        self._run("add", "--", *names)
        words = f"--message={message or 'a new version'}"
        self._run("commit", "--quiet", "--only", "--cleanup=whitespace", words, "--", *names)

    def last_revision(self, path: Path) -> str | None:
        """Return the commit that changed `path` last; None where it has uncommitted changes."""
        if self._run("status", "--porcelain=v1", "-z", "-uall", "--", str(path)):
            return None
        if self._answer("rev-parse", "--verify", "-q", "HEAD").returncode != 0:
            return None  # nothing is committed yet
        return self._run("log", "-1", "--format=%H", "--", str(path)).decode().strip() or None

    def history(self, path: Path) -> list[Revision]:
        """Return the commits that changed `path`, newest first, with what it held."""
        if self._answer("rev-parse", "--verify", "-q", "HEAD").returncode != 0:
            return []
        log = self._run("log", "-z", f"--format={_FIELDS}", "--", str(path)).decode(
            errors="replace"
        )
        words = log.rstrip("\0").split("\0") if log else []
        rows = [words[at : at + 4] for at in range(0, len(words), 4)]
        name = path.relative_to(self.root).as_posix()
        contents = self._contents([f"{row[0]}:{name}" for row in rows])
        return [
            Revision(row[0], row[1], datetime.fromisoformat(row[2]), row[3], content)
            for row, content in zip(rows, contents, strict=True)
            if content is not None
        ]

    def _contents(self, objects: Sequence[str]) -> list[bytes | None]:
        """Return what the objects hold; None for one that is not there."""
        if not objects:
            return []
        asked = "".join(f"{each}\n" for each in objects).encode()
        answer = self._run("cat-file", "--batch", given=asked)
        found: list[bytes | None] = []
        while answer:
            head, _, rest = answer.partition(b"\n")
            if head.endswith(b" missing"):
                found.append(None)
                answer = rest
                continue
            size_bytes = int(head.rpartition(b" ")[2])
            found.append(rest[:size_bytes])
            answer = rest[size_bytes + 1 :]
        return found

    def _run(self, *words: str, given: bytes = b"") -> bytes:
        return _output(self.root, *words, given=given)

    def _answer(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        return _answer(self.root, *words)


def _output(folder: Path, *words: str, given: bytes = b"") -> bytes:
    answer = _answer(folder, *words, given=given)
    if answer.returncode != 0:
        raise _failed(folder, words[0], answer)
    return answer.stdout


def _failed(
    folder: Path, word: str, answer: "subprocess.CompletedProcess[bytes]"
) -> InvalidInputError:
    lines = answer.stderr.decode(errors="replace").strip().splitlines()
    said = " ".join(lines[:3]) or f"it ended with {answer.returncode}"
    return InvalidInputError(
        f"git {word} in {folder} failed: {said}; mend that, or use commit=False", kind="git"
    )


def _answer(
    folder: Path, *words: str, given: bytes = b"", settings: Mapping[str, str] = _LITERAL
) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603 - no shell, and paths stand behind --
            ["git", *words],  # noqa: S607 - the user's own git
            cwd=folder,
            env=child_environment(settings),
            input=given,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except FileNotFoundError:
        raise InvalidInputError(
            f"{folder} is in a git repository, and there is no git on this machine: install it",
            kind="git",
        ) from None
    except subprocess.TimeoutExpired:
        raise InvalidInputError(
            f"git {words[0]} in {folder} did not end within {_TIMEOUT_S:.0f} s: it may wait for a "
            "lock or a passphrase; run it by hand",
            kind="git",
        ) from None
