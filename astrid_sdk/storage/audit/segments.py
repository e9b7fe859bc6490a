"""The audit as it stands in a store: writers, their segments, and the lines of these."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage.audit.lines import PREFIX, read_line
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Get

_KEY = re.compile(rf"{PREFIX}(?P<writer>[0-9A-Za-z-]+)/(?P<first>\d{{12}})\.ndjson")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a segment.

    Attributes
    ----------
    said : mapping
    content_hash : str
        SHA-256 of the line: what the next one calls ``prev``.
    """

    said: Mapping[str, Any]
    content_hash: str

    @property
    def seq(self) -> int:
        """Its number, from 1."""
        return int(self.said["seq"])


class Segments:
    """Reads the audit of one bucket.

    Parameters
    ----------
    store : ObjectStorage
    bucket : str
    """

    def __init__(self, store: ObjectStorage, bucket: str) -> None:
        self._store = store
        self._bucket = bucket

    def by_writer(self) -> Mapping[str, Sequence[str]]:
        """Return the keys of each writer's segments, in order."""
        return self.listed()[0]

    def listed(self) -> tuple[Mapping[str, Sequence[str]], Sequence[str]]:
        """Return the keys of each writer's segments, in order, and the keys that are none."""
        found: dict[str, list[str]] = {}
        strangers: list[str] = []
        for key in self._store.list_files(self._bucket, PREFIX):
            match = _KEY.fullmatch(key)
            (found.setdefault(match["writer"], []) if match else strangers).append(key)
        return found, strangers

    def lines(self, key: str) -> Iterator[Line]:
        """Yield the lines of a segment.

        Raises
        ------
        CorruptionError
            It is no segment.
        """
        content = self._store.perform(Get(bucket=self._bucket, key=key)).data
        if not content.endswith(b"\n"):
            raise CorruptionError(f"{key} ends within a line", kind="audit")
        for line in content.splitlines():
            yield Line(read_line(line, key), sha256_hex(line))


def first_of(key: str) -> int:
    """Return the number that a segment's key says its first line has."""
    match = _KEY.fullmatch(key)
    return int(match["first"]) if match else 0
