"""What became of many files that were stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from astrid_sdk.errors import AstridError

_SHOWN_FAILURES = 5


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is stored.

    Parameters
    ----------
    name, content_hash : str
    size_bytes : int
    is_new : bool
        False where the same bytes were there and sound.
    is_spooled : bool
        True where the store was away and the bytes wait in the outbox of this machine.
    md5 : str
        Where it was asked for.
    """

    name: str
    content_hash: str
    size_bytes: int
    is_new: bool = True
    is_spooled: bool = False
    md5: str = ""


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that is not stored, the reason as a sentence, and the error that said so."""

    name: str
    reason: str
    error: AstridError | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What became of each file, in the order they were given.

    Parameters
    ----------
    stored : sequence of StoredFile
    failed : sequence of FailedFile
        Storing these again is safe, and sends nothing that arrived.
    """

    stored: Sequence[StoredFile]
    failed: Sequence[FailedFile] = ()

    @property
    def content_hashes(self) -> list[str]:
        """The hashes of what is stored, in the order the files were given."""
        return [file.content_hash for file in self.stored]

    @override
    def __str__(self) -> str:
        new = sum(file.is_new for file in self.stored)
        lines = [
            f"{len(self.stored)} files stored ({new} new), {len(self.failed)} failed",
            *(f"  {file.name}: {file.reason}" for file in self.failed[:_SHOWN_FAILURES]),
        ]
        if len(self.failed) > _SHOWN_FAILURES:
            lines.append(f"  … and {len(self.failed) - _SHOWN_FAILURES} more")
        return "\n".join(lines)
