"""Files written as a whole or not at all."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astrid_sdk.errors import AstridError, InvalidInputError

_PIECE_BYTES = 1 << 20


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a path to write a new file at; it takes the place of `path` when all went well.

    Parameters
    ----------
    path : Path
    mode : int, optional
        The file's rights from its first byte on.

    Raises
    ------
    InvalidInputError
        The file cannot be written; what was there is as it was.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if mode is not None:
            temporary.touch(mode, exist_ok=False)
        yield temporary
        temporary.replace(path)
    except AstridError:  # some of ours are the system's too
        raise
    except OSError as error:
        raise InvalidInputError(
            f"cannot write {path}: {error.strerror or error}; what was there is as it was"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file; see `replacing`."""
    with replacing(path, mode=mode) as temporary:
        temporary.write_bytes(content)


def md5_of_file(path: Path) -> str:
    """Return the MD5 of a file in hex, read in pieces."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
