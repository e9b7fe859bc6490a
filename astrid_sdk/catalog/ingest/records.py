"""What is to be recorded of files that come in: only what the catalogue does not say already."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from astrid_sdk.catalog.contents import PURPOSES
from astrid_sdk.catalog.ingest.known_contents import KnownContent, KnownContents
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.sky.summary import PARSER_VERSION
from astrid_sdk.storage.bulk_items import NewFile
from astrid_sdk.storage.records import Record, RecordKind, current_author
from astrid_sdk.tiers import Tier

_PATH_LETTERS = "/~"  # beside letters and digits, as Path.as_uri leaves them


class IngestRecords:
    """The records of one run.

    Parameters
    ----------
    known : KnownContents or None
        What the catalogue knew when the run began; None where it could not be asked.
    tier : Tier
    purpose : str
        What the files are for. Nobody said it of files with the default, so that it takes back
        nothing that was said.
    """

    def __init__(self, known: KnownContents | None, tier: Tier, purpose: str) -> None:
        self._known = known
        self._tier = tier
        self._purpose = purpose
        self._author = current_author()
        self._noted: dict[str, KnownContent] = {}
        self._first: set[str] = set()
        self._folders: dict[str, str] = {}

    @property
    def is_nothing_known(self) -> bool:
        """Whether the catalogue knew of nothing when the run began."""
        return self._known is None or self._known.is_empty

    def known(self, hashes: Collection[str]) -> Mapping[str, KnownContent]:
        """Return what the catalogue, or this run so far, knows of these contents."""
        told = {} if self._known is None else self._known.about(hashes)
        return told | {each: self._noted[each] for each in hashes if each in self._noted}

    def told(
        self, hashes: Collection[str]
    ) -> Mapping[str, tuple[str, Sequence[Mapping[str, Any]]]]:
        """Return media type and summaries of the contents of which the catalogue has told them.

        Only summaries such as this release makes count.
        """
        if self._known is None:
            return {}
        contents = {
            content_hash: content
            for content_hash, content in self._known.about(hashes).items()
            if content.parser_versions == {PARSER_VERSION}
        }
        try:
            said = self._known.summaries(contents.values())
        except StorageUnavailableError:  # the files can be read again
            return {}
        return {
            content_hash: (content.media_type, summaries)
            for (content_hash, content), summaries in zip(contents.items(), said, strict=True)
        }

    def is_first(self, content_hash: str) -> bool:
        """Return whether nobody knew of this content before this run; says yes once."""
        is_first = content_hash in self._first
        self._first.discard(content_hash)
        return is_first

    def of(
        self, stored: Sequence[NewFile], summaries: Mapping[Path, Sequence[Mapping[str, Any]]]
    ) -> Iterator[Record]:
        """Yield the records to write of files whose blobs are stored.

        Parameters
        ----------
        stored : sequence of NewFile
        summaries : mapping
            What each of the paths says.
        """
        known = self.known({new.content_hash for new in stored})
        now = datetime.now(UTC)
        for new in stored:
            content = self._noted_of(new.content_hash, known)
            record = self._ingested(new, summaries[new.file.path], now)
            record_id = record.record_id
            if record_id not in content.record_ids:
                content.record_ids.add(record_id)
                yield record
            if self._purpose not in {content.purpose or PURPOSES[0], PURPOSES[0]}:
                content.purpose = self._purpose
                yield self._tagged(new, now)

    def _noted_of(self, content_hash: str, known: Mapping[str, KnownContent]) -> KnownContent:
        """Return what to note of a content from now on, without what its bytes say."""
        if content_hash not in self._noted:
            told = known.get(content_hash)
            if told is None:
                self._first.add(content_hash)
                told = KnownContent()
            self._noted[content_hash] = KnownContent(told.record_ids, purpose=told.purpose)
        return self._noted[content_hash]

    def _ingested(
        self, new: NewFile, summaries: Sequence[Mapping[str, Any]], now: datetime
    ) -> Record:
        return Record(
            kind=RecordKind.INGEST,
            content_hash=new.content_hash,
            tier=self._tier,
            size_bytes=new.size_bytes,
            media_type=new.file.content_type,
            name=new.file.name,
            origin=self._origin(new.file.path),
            created_at=now,
            author=self._author,
            summaries=summaries,
        )

    def _tagged(self, new: NewFile, now: datetime) -> Record:
        return Record(
            kind=RecordKind.TAG,
            content_hash=new.content_hash,
            tier=self._tier,
            size_bytes=new.size_bytes,
            media_type=new.file.content_type,
            name=new.file.name,
            created_at=now,
            author=self._author,
            details={"tag": "purpose", "value": self._purpose},
        )

    def _origin(self, path: Path) -> str:
        """Return ``path.resolve().as_uri()``, with each folder resolved once."""
        folder, name = os.path.split(path)
        if os.path.islink(path):  # noqa: PTH114 - there are many, and a Path costs more
            return path.resolve().as_uri()
        if folder not in self._folders:
            self._folders[folder] = Path(folder).resolve().as_uri().rstrip("/")
        return f"{self._folders[folder]}/{quote_from_bytes(os.fsencode(name), safe=_PATH_LETTERS)}"
