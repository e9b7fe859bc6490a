"""Log entries that wait on this machine for MLflow or the store to be back.

An entry is a folder, written beside and renamed into place: it is there as a whole or not at all.
Folders are named by time, and carried out in that order by one process at a time.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from astrid_sdk.errors import AstridError, ConflictError, StorageUnavailableError
from astrid_sdk.models.log_entry import LogEntry
from astrid_sdk.storage.local_files import locked

CarryOut = Callable[[LogEntry, Path], object]


class LogSpool:
    """The entries that wait.

    Parameters
    ----------
    folder : Path
        On this machine, for this user: what waits lies there in plain.
    """

    def __init__(self, folder: Path) -> None:
        self._waiting = folder / "waiting"
        self._refused = folder / "refused"
        self._lock = folder / "lock"

    def entries(self) -> list[Path]:
        """Return the folders of the entries that wait, the oldest first."""
        if not self._waiting.is_dir():
            return []
        return sorted(path for path in self._waiting.iterdir() if not path.name.startswith("."))

    def add(self, entry: LogEntry, folder: Path) -> None:
        """Keep an entry with the files in `folder`, which is taken over."""
        self._waiting.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{entry.log_id}"
        hidden = self._waiting / f".{name}"
        shutil.copytree(folder, hidden)
        entry.write(hidden)
        hidden.rename(self._waiting / name)

    def replay(self, carry_out: CarryOut) -> int:
        """Carry out what waits, in order, each once; return how many.

        Raises
        ------
        StorageUnavailableError
            MLflow or the store is still away; what waits is kept.
        ConflictError
            ``kind="refused"``: all others are done, but some cannot be; they are kept.
        """
        refused: list[tuple[Path, str]] = []
        done = 0
        with self._alone():
            for folder in self.entries():
                try:
                    carry_out(LogEntry.read(folder), folder)
                except StorageUnavailableError:
                    raise
                except AstridError as error:
                    refused.append((self._refuse(folder, error), error.message))
                else:
                    shutil.rmtree(folder)
                    done += 1
        if refused:
            where, reason = refused[0]
            raise ConflictError(
                f"{len(refused)} of the logs that waited cannot be written, first {where} "
                f"({reason}); they are kept there: mend the cause and move them back to "
                f"{self._waiting}, or remove them",
                kind="refused",
            )
        return done

    def _refuse(self, folder: Path, error: AstridError) -> Path:
        self._refused.mkdir(parents=True, exist_ok=True)
        (folder / "reason.txt").write_text(f"{error.message}\n", encoding="utf-8")
        return folder.rename(self._refused / folder.name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._waiting.is_dir():
            yield
            return
        with locked(self._lock):
            yield
