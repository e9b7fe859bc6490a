"""Uploads that begin again where the store goes away in their middle."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.operations import Written
from astrid_sdk.storage.wrapping import WrapperStorage


class RestartingStorage(WrapperStorage):
    """The base of wrappers around an outbox: what was half sent goes there from the beginning.

    Parameters
    ----------
    inner : ObjectStorage
    """

    @override
    def upload_source(
        self,
        bucket: str,
        key: str,
        source: Path | BinaryIO | Iterable[bytes],
        content_type: str,
        **options: Any,
    ) -> Written:
        restart = _restart_of(source)
        try:
            return super().upload_source(bucket, key, source, content_type, **options)
        except StorageUnavailableError:
            if restart is None:
                raise
        restart()
        return super().upload_source(bucket, key, source, content_type, **options)


def _restart_of(source: Path | BinaryIO | Iterable[bytes]) -> Callable[[], object] | None:
    """Return what makes a source be read again from where it stands; None where nothing does."""
    if isinstance(source, Path):
        return lambda: None
    if not isinstance(source, io.IOBase) or not source.seekable():
        return None
    start = source.tell()
    return lambda: source.seek(start)
