"""The audit that one session writes: into a journal here, and from there into the store.

A segment is shipped when it is large or old, when something is about to be deleted, and at the
end. Its last line anchors the newest lines of other writers. Where the store is away it waits.
"""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astrid_sdk import observe
from astrid_sdk.errors import AccessDeniedError, AstridError, StorageUnavailableError
from astrid_sdk.storage.audit.anchors import Anchors
from astrid_sdk.storage.audit.journal import Journal, complete_lines, left_behind
from astrid_sdk.storage.audit.lines import (
    ANCHOR,
    BEGIN,
    FORMAT_VERSION,
    INTENT,
    OUTCOME,
    Actor,
    Chain,
    Planned,
    segment_key,
)
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Put
from astrid_sdk.storage.records import current_author

SEGMENT_BYTES = 1 << 20
SEGMENT_S = 60.0
_MOST_SEGMENT_BYTES = 4 << 20
ROTATION_S = 24 * 3600.0
"""A writer is followed by another after so long: whoever anchors looks at recent ones only."""
_AGAIN_S = 30.0  # after the store was away
_LOGGER = logging.getLogger("astrid_sdk.storage.audit")

DONE, SPOOLED, UNKNOWN = "done", "spooled", "unknown"


@dataclass(slots=True)
class Batch:
    """Operations that were intended together, and what has become of them.

    Attributes
    ----------
    writer : str
        Who wrote the intent: only that one can tell its outcome.
    seq : int
        Of the intent.
    left : int
        How many outcomes are not known yet.
    """

    writer: str
    seq: int
    left: int
    done: list[int] = field(default_factory=list)
    told: dict[int, str] = field(default_factory=dict)
    requests: dict[int, str] = field(default_factory=dict)

    def note(self, place: int, outcome: str, request_id: str = "") -> bool:
        """Note what became of one; return whether all are known."""
        if outcome == DONE:
            self.done.append(place)
        else:
            self.told[place] = outcome
        if request_id:
            self.requests[place] = request_id
        self.left -= 1
        return not self.left

    def said(self) -> dict[str, Any]:
        """Return what the outcome's line says."""
        is_all = not self.left and not self.told
        said: dict[str, Any] = {"of": self.seq, "done": True if is_all else self.done}
        if self.told:
            said["told"] = self.told
        if self.requests:
            said["requests"] = self.requests
        return said


class AuditTrail:
    """Writes the audit of one session; may be used from many threads.

    A process that was forked off writes one of its own.

    Parameters
    ----------
    store : ObjectStorage
        Where segments go: it must not be audited itself.
    bucket : str
    folder : Path
        For the journals of this machine on that store.
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(
        self,
        store: ObjectStorage,
        bucket: str,
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self.bucket = bucket
        self._folder = folder
        self._clock = clock
        self._actor = Actor(current_author(), observe.face.get() or "sdk")
        self._anchors = Anchors(store, bucket)
        self._lock = threading.RLock()  # of the journal
        self._shipping = threading.RLock()  # taken before the other
        self._journal: Journal | None = None
        self._process = 0
        self._chain = Chain()
        self._began_s = self._cut_s = 0.0
        self._rest_until = float("-inf")
        self._looks_after_others = True

    def actor(self) -> Actor:
        """Return for whom this thread works just now."""
        return Actor(
            observe.caller.get() or self._actor.who,
            observe.face.get() or self._actor.face,
            observe.call_id.get(),
        )

    def intend(self, bucket: str, operations: Sequence[Planned], actor: Actor) -> Batch:
        """Write down what is about to be done.

        Raises
        ------
        AccessDeniedError, StorageUnavailableError
            ``kind="audit"``: this machine's disk takes nothing, so nothing may be done.
        """
        said = {**actor.told(), "bucket": bucket, "ops": operations}
        try:
            with self._lock:
                seq = self._append(INTENT, said)
                return Batch(self._begun()[0].writer, seq, len(operations))
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def conclude(self, batch: Batch) -> None:
        """Write down what became of it, as far as it is known, and ship what is due."""
        try:
            with self._lock:
                living = self._living()
                if living is not None and living.writer == batch.writer:
                    self._append(OUTCOME, batch.said())
        except OSError as error:  # it was done: the audit says unknown, which is true
            _LOGGER.warning("an outcome could not be written down: %s", error.strerror)
        if self._is_due() and self._shipping.acquire(blocking=False):
            try:
                with suppress(AstridError):
                    self.ship()
                self._make_way()
            finally:
                self._shipping.release()

    def store_is_away(self) -> None:
        """Note that the store did not answer: shipping waits."""
        self._rest_until = self._clock() + _AGAIN_S

    def store_is_back(self) -> None:
        """Note that the store answered."""
        self._rest_until = float("-inf")

    def ship(self) -> None:
        """Bring all that was written so far into the store; it is there when this returns.

        Raises
        ------
        AstridError
            It could not be; all is kept here.
        """
        with self._shipping:
            journal = self._living()
            if journal is None:
                return
            try:
                self._ship(journal)
            except StorageUnavailableError:
                self.store_is_away()
                raise
            except AstridError:  # some of ours are OSErrors too
                raise
            except OSError as error:
                raise self._cannot_be_written(error) from error
            self._look_after_others()

    def _ship(self, journal: Journal) -> None:
        heads = self._heads(journal) if journal.size_bytes else {}
        with self._lock:
            if journal.size_bytes:
                self._cut(journal, heads)
            complete = journal.complete()
        for path in complete:
            self._send(journal.writer, path)

    def recover(self) -> int:
        """Ship what sessions left behind that ended without it; return how many segments.

        Raises
        ------
        AstridError
            The store took no more.
        """
        with left_behind(self._folder) as paths:
            for path in paths:
                self._send(path.parent.name, path)
        return len(paths)

    def close(self) -> None:
        """Ship what there is, where the store answers; what is left the next session ships."""
        with self._shipping:
            if self._clock() >= self._rest_until:
                with suppress(AstridError):
                    self.ship()
            self._end()

    def _append(self, kind: str, said: Mapping[str, Any]) -> int:
        with self._lock:
            journal, start = self._begun()
            seq = self._chain.seq + 1
            try:
                journal.append(start + self._chain.line(kind, said), seq - bool(start))
            except OSError:  # the chain has gone on without the line: another writer follows
                self._end()
                self._looks_after_others = True
                raise
            return seq

    def _living(self) -> Journal | None:
        """Return the journal that this process writes, if it has begun one."""
        return self._journal if self._process == os.getpid() else None

    def _begun(self) -> tuple[Journal, bytes]:
        """Return the journal, and the line that begins it where it is new."""
        living = self._living()
        if living is not None:
            return living, b""
        journal = Journal(self._folder)
        self._journal, self._process, self._chain = journal, os.getpid(), Chain()
        self._began_s = self._cut_s = self._clock()
        told = {
            "format_version": FORMAT_VERSION,
            "writer": journal.writer,
            "who": self._actor.who,
            "process": self._process,
        }
        return journal, self._chain.line(BEGIN, told)

    def _look_after_others(self) -> None:
        """Ship once what others left behind."""
        if self._looks_after_others:
            self._looks_after_others = False
            with suppress(AstridError, OSError):
                self.recover()

    def _make_way(self) -> None:
        """End the writer in time, when all that it intended here has its outcome."""
        if self._is_old():
            self._end()

    def _is_old(self) -> bool:
        return self._clock() - self._began_s > ROTATION_S

    def _is_due(self) -> bool:
        with self._lock:
            journal = self._living()
            if journal is None:
                return False
            if journal.size_bytes > _MOST_SEGMENT_BYTES:  # the store is away for long
                self._cut(journal, {})
            if self._clock() < self._rest_until:
                return False
            age_s = self._clock() - self._cut_s
            return age_s > SEGMENT_S or journal.size_bytes > SEGMENT_BYTES or self._is_old()

    def _heads(self, journal: Journal) -> Mapping[str, tuple[int, str]]:
        """Return the newest lines of others; none where they cannot be read: anchors are extra."""
        try:
            return self._anchors.heads(journal.writer)
        except AstridError:
            return {}

    def _cut(self, journal: Journal, heads: Mapping[str, tuple[int, str]]) -> None:
        if heads:
            self._append(ANCHOR, {"heads": heads})
        journal.cut()
        self._cut_s = self._clock()

    def _send(self, writer: str, path: Path) -> None:
        content = complete_lines(path)
        if content:
            put = Put(
                bucket=self.bucket,
                key=segment_key(writer, int(path.stem)),
                data=content,
                content_type="application/x-ndjson",
                create_only=True,
            )
            self._store.perform(put)
        path.unlink()

    def _cannot_be_written(self, error: OSError) -> AstridError:
        said = (
            f"what is done must be written down first, and {self._folder} cannot be written "
            f"({error.strerror}): see to the disk, then try again"
        )
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            return AccessDeniedError(said, kind="audit")
        return StorageUnavailableError(said, kind="audit")

    def _end(self) -> None:
        with self._lock:
            living = self._living()
            if living is not None:
                living.cut()
                living.close()
            self._journal = None
