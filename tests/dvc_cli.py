"""Stock DVC and git as programs, kept away from the machine's own settings."""

import atexit
import functools
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from warm import Program, WarmCommands

from astrid_sdk.config import child_environment

DVC = Program(
    "dvc",
    "import s3fs, dvc_s3, dvc.repo, dvc.commands.data_sync; from dvc.cli import main",
    'sys.exit(main(job["words"]))',
)
FILES = {"a.fits": b"first", "sub/b.bin": b"\x00\x01" * 5_000, "sub/ü x": b"", ".hidden": b"first"}


@dataclass
class Machine:
    """A machine with dvc and git on it.

    Parameters
    ----------
    home : Path
        What DVC and git know of the user.
    settings : mapping, optional
        More variables.
    """

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def dvc(self, folder: Path, *words: str) -> str:
        """Run stock dvc in `folder` and return what it says."""
        self.home.mkdir(exist_ok=True)
        code, said, complaint = _warm().run(words, self._told(), self.home, folder)
        assert code == 0, (words, said[-2000:], complaint[-2000:])
        return said

    def git(self, folder: Path, *words: str) -> str:
        """Run git in `folder` and return what it says."""
        return self.run(folder, "git", *words)

    def run(self, folder: Path, *command: str) -> str:
        self.home.mkdir(exist_ok=True)
        answer = subprocess.run(
            command,
            cwd=folder,
            env=self._told(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        assert answer.returncode == 0, (command, answer.stdout[-2000:], answer.stderr[-2000:])
        return answer.stdout

    def _told(self) -> dict[str, str]:
        told = child_environment({**self._environment, **self.settings})
        del told["AWS_CONFIG_FILE"]  # the tests' own: what DVC's configuration names counts here
        return told

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DVC_NO_ANALYTICS": "true",
            "DVC_SITE_CACHE_DIR": str(self.home / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(self.home / "global"),
            "DVC_SYSTEM_CONFIG_DIR": str(self.home / "system"),
            "HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_AUTHOR_NAME": "Vera",
            "GIT_AUTHOR_EMAIL": "vera@example.org",
            "GIT_COMMITTER_NAME": "Vera",
            "GIT_COMMITTER_EMAIL": "vera@example.org",
        }


@functools.cache
def _warm() -> WarmCommands:
    commands = WarmCommands(child_environment({"DVC_NO_ANALYTICS": "true"}), DVC)
    atexit.register(commands.close)
    return commands


def write_files(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    """Make `folder` hold just these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read_files(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
