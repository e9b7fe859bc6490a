"""Who changed what: asked, verified, exported."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from astrid_sdk.errors import AstridError, InvalidInputError, StorageUnavailableError
from astrid_sdk.storage.audit.events import AuditEvent, events_of
from astrid_sdk.storage.audit.segments import Line, Segments
from astrid_sdk.storage.audit.verifying import Verification, verify
from astrid_sdk.storage.audited import AuditedStorage
from astrid_sdk.storage.base import ObjectStorage

FORMATS: Final = ("ndjson", "csv")
_CELLS_THAT_COUNT = ("=", "+", "-", "@", "\t", "\r")  # to a spreadsheet


class Audit:
    """The audit of one bucket.

    Parameters
    ----------
    store : ObjectStorage
    bucket : str
    audited : AuditedStorage or None
        What writes it down here; what that has not shipped is shipped before anything is read.
    """

    def __init__(self, store: ObjectStorage, bucket: str, audited: AuditedStorage | None) -> None:
        self._segments = Segments(store, bucket)
        self._audited = audited

    def verify(self) -> Verification:
        """Return whether the audit was changed, as far as that can be proved.

        An edit, a loss or another order within a writer's lines is found, and a cut or a rewriting
        up to the last line that another writer has seen.
        """
        self.flush()
        return verify(self._segments)

    def events(
        self,
        *,
        content_hash: str = "",
        key: str = "",
        who: str = "",
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> list[AuditEvent]:
        """Return the changes that meet all conditions, by time.

        Parameters
        ----------
        content_hash, key : str, optional
            What it was about, or the beginning of it.
        who : str, optional
        after, before : datetime, optional
            A time without a zone is UTC.
        """
        wanted = _Wanted(content_hash, key, who, _utc(after), _utc(before))
        return sorted(filter(wanted, self._all()), key=lambda event: (event.at, event.seq))

    def export(self, path: Path, form: str = "ndjson") -> int:
        """Write all events to a new file, writer by writer; return how many.

        Parameters
        ----------
        path : Path
        form : str
            One of `FORMATS`.

        Raises
        ------
        InvalidInputError
            There is a file already, it cannot be written, or there is no such format.
        """
        if form not in FORMATS:
            raise InvalidInputError(f"an audit is exported as {' or '.join(FORMATS)}, not {form!r}")
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                lines = _ndjson(self._all()) if form == "ndjson" else _csv(self._all())
                return sum(bool(file.write(line)) for line in lines) - (form == "csv")
        except AstridError:  # half of an audit is none; some of ours are OSErrors too
            path.unlink(missing_ok=True)
            raise
        except OSError as error:
            raise InvalidInputError(f"cannot write {path}: {error.strerror}") from error

    def flush(self) -> None:
        """Ship what was written down here and what sessions left behind; not while it is away."""
        if self._audited is not None:
            with suppress(StorageUnavailableError):
                self._audited.trail.ship()
                self._audited.trail.recover()

    def intending(
        self, verb: str, where: str = "", content_hash: str = "", detail: str = ""
    ) -> AbstractContextManager[None]:
        """Write down what the work within is for: in the store before it, and after it."""
        if self._audited is None:
            return nullcontext()
        return self._audited.intending(verb, where, content_hash, detail)

    def _all(self) -> Iterator[AuditEvent]:
        self.flush()
        for writer, keys in self._segments.by_writer().items():
            yield from events_of(writer, self._lines(keys))

    def _lines(self, keys: Sequence[str]) -> Iterator[Line]:
        for key in keys:
            yield from self._segments.lines(key)


class _Wanted:
    """The conditions of a question."""

    def __init__(
        self, content_hash: str, key: str, who: str, after: datetime | None, before: datetime | None
    ) -> None:
        self._content_hash = content_hash.lower()
        self._key = key
        self._who = who
        self._after = after
        self._before = before

    def __call__(self, event: AuditEvent) -> bool:
        return (
            event.content_hash.startswith(self._content_hash)
            and event.key.startswith(self._key)
            and self._who in ("", event.who)
            and (self._after is None or event.at >= self._after)
            and (self._before is None or event.at <= self._before)
        )


def _utc(when: datetime | None) -> datetime | None:
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _ndjson(events: Iterator[AuditEvent]) -> Iterator[str]:
    for event in events:
        yield json.dumps(event.as_fields()) + "\n"


class _Row:
    """A file that holds the row written last."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


def _csv(events: Iterator[AuditEvent]) -> Iterator[str]:
    row = _Row()
    writer = csv.writer(row)
    writer.writerow([field.name for field in fields(AuditEvent)])
    yield row.text
    for event in events:
        writer.writerow([_cell(value) for value in event.as_fields().values()])
        yield row.text


def _cell(value: object) -> object:
    """Return a value as a spreadsheet shows it; it must not take a key for a formula."""
    is_formula = isinstance(value, str) and value.startswith(_CELLS_THAT_COUNT)
    return f"'{value}" if is_formula else value
