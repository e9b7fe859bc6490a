"""The table: which fault meets which request of which work, and what is owed then."""

import dataclasses
from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias

from astrid_sdk.testing.faults import FOR_EVER, Fault
from astrid_sdk.testing.plays import other_answer

SURVIVE = "survive"
"""The fault passes: the work must succeed."""
TELL = "tell"
"""Success, or a typed error that is true: no third way."""

READS = ("get", "range", "download", "head", "exists", "list")
BODIES = ("get", "range", "download")
WRITES = ("put", "overwrite", "create", "replace", "multipart", "batch", "delete", "copy")
PUTS = ("put", "overwrite", "create", "replace", "batch")
ALL = WRITES + READS
OTHER_KEY = "another/object.fits"
OTHER_ANSWER = other_answer(OTHER_KEY)


@dataclasses.dataclass(frozen=True)
class Case:
    """One cell: `fault` while `work` is done."""

    work: str
    play: str
    owed: str
    times: int = 1
    on: str = ""
    skip: int = 0

    @property
    def id(self) -> str:
        often = {1: "", FOR_EVER: "-for-ever"}.get(self.times, f"-x{self.times}")
        late = f"-after-{self.skip}" if self.skip else ""
        return f"{self.work}:{f'{self.on}-' if self.on else ''}{self.play}{often}{late}"

    def fault(self, main: str) -> Fault:
        """Return what to arm; `main` is what the work's faults are about."""
        play = OTHER_ANSWER if self.play == "other-answer" else self.play
        return Fault(play, frozenset({self.on or main}), times=self.times, skip=self.skip)


Table: TypeAlias = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

_PASSING: Table = (
    (ALL, ("lost-answer", "TooManyRequests", "page-520", "reset-before", "garbage")),
    (
        ("put", "create", "multipart", "get", "list", "delete"),
        ("no-answer", "refused", "close-before", "half-head", "InternalError", "page-502"),
    ),
    (
        ("put", "head", "list", "copy"),
        ("close-after", "close-after-unsaid", "continue-first", "answer-late", "huge-headers"),
    ),
    (
        ("put", "head", "list", "copy"),
        ("many-headers", "extra-bytes", "old-date", "no-date", "chunked"),
    ),
    (
        ("put", "get", "list"),
        ("RequestTimeout", "SlowDown", "page-500", "page-504", "page-522", "page-524"),
    ),
    (("get", "put"), ("retry-after", "page-527")),
    (PUTS, ("phantom", "phantom-wrong-etag", "phantom-right-etag")),
    (
        ("put", "create", "overwrite"),
        ("wire-flipped", "wire-cut", "reset-in-body", "refused-early", "no-etag"),
    ),
    (("put", "create", "overwrite"), ("ClientDisconnect", "IncompleteBody", "BadDigest")),
    (
        ("create", "replace"),
        ("ConditionalRequestConflict", "OperationAborted", "done-but-PreconditionFailed"),
    ),
    (
        ("put", "create", "replace", "overwrite", "delete", "copy"),
        ("twice", "done-but-InternalError", "done-but-page-502"),
    ),
    (("put", "create", "delete"), ("lost-answer-close", "lost-answer-stall")),
    (("delete",), ("phantom", "answer-page")),
    (("copy",), ("phantom", "complete-error", "answer-bare", "answer-page")),
    (
        BODIES,
        ("answer-cut", "answer-cut-reset", "answer-cut-at-once", "chunked-cut", "answer-bare"),
    ),
    (
        BODIES,
        ("answer-page", "answer-cut-matching", "answer-empty", "answer-longer", "two-lengths"),
    ),
    (BODIES, ("answer-stalls", "extra-bytes", "bad-last-modified")),
    (("get", "download"), ("answer-flipped", "answer-swapped", "answer-gzipped", "no-length")),
    (("get",), ("answer-trickles",)),
    (("download",), ("other-answer",)),
    (("range", "download"), ("range-ignored", "range-shifted", "range-untold")),
)
"""Works, and what meets each of them once: it must be survived."""

_STAYING: Table = (
    (ALL, ("ServiceUnavailable", "AccessDenied")),
    (("put", "create", "multipart", "get", "list", "delete"), ("lost-answer",)),
    (("put", "get", "list"), ("redirect-301", "redirect-307", "page-403", "page-404")),
    (PUTS, ("phantom-right-etag",)),
    (("put", "create", "delete"), ("answer-bare",)),
    (("delete",), ("phantom",)),
    (("copy",), ("phantom", "complete-error", "answer-bare", "answer-page")),
    (BODIES, ("answer-cut", "answer-bare")),
    (
        ("get", "download"),
        ("answer-flipped", "answer-swapped", "answer-gzipped", "answer-cut-matching"),
    ),
    (("range", "list"), ("answer-trickles",)),
    (("range", "download"), ("range-ignored", "range-shifted", "range-untold")),
    (
        ("put", "get", "list"),
        ("Unauthorized", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "NotImplemented"),
    ),
    (("put", "get", "list"), ("NoSuchBucket",)),
    (("put", "delete"), ("ObjectLockedByBucketPolicy",)),
    (("put",), ("MetadataTooLarge", "EntityTooLarge", "InvalidObjectName")),
)
"""Works, and what meets each of them until the end: it may be survived or told."""

_DAMAGING: Table = (
    (
        ("put", "create", "overwrite"),
        ("stored-cut", "stored-flipped", "stored-cut-right-etag"),
    ),
    (("get", "download"), ("InvalidRange",)),
    (("head", "exists"), ("no-length", "page-403", "AccessDenied", "answer-bare", "no-etag")),
    (("copy",), ("NoSuchKey",)),
)
"""Works, and what meets each of them once, but leaves its mark: it may be survived or told."""


def _everywhere() -> Iterator[Case]:
    for table, owed, times in (
        (_PASSING, SURVIVE, 1),
        (_STAYING, TELL, FOR_EVER),
        (_DAMAGING, TELL, 1),
    ):
        for works, plays in table:
            yield from (Case(work, play, owed, times) for work in works for play in plays)


def _more_than_once() -> Iterator[Case]:
    for work in ALL:
        yield Case(work, "ServiceUnavailable", SURVIVE, times=4)
    for work in ("put", "create", "multipart", "get", "list", "delete"):
        yield Case(work, "ServiceUnavailable", SURVIVE, times=8)
    for work in BODIES:
        yield Case(work, "answer-cut", SURVIVE, times=3)
    yield Case("download", "other-answer", SURVIVE, skip=1)
    yield Case("download", "answer-flipped", SURVIVE, skip=2)


def _while_looking() -> Iterator[Case]:
    """Yield what meets the look (HEAD) after a write, or before it."""
    for work in ("put", "create", "replace", "delete", "copy", "multipart"):
        for play in ("ServiceUnavailable", "AccessDenied", "page-404", "lost-answer"):
            yield Case(work, play, TELL, times=FOR_EVER, on="head")
        for play in ("ServiceUnavailable", "page-404", "reset-before", "answer-bare"):
            yield Case(work, play, SURVIVE, on="head")
    for play in ("ServiceUnavailable", "AccessDenied", "page-404"):
        yield Case("delete", play, TELL, times=FOR_EVER, on="head", skip=1)


def _of_listings() -> Iterator[Case]:
    broken = (
        *("answer-page", "answer-bare", "answer-empty", "list-error", "list-empty-element"),
        *("list-untruncated", "list-uncounted", "list-miscounted", "list-other-name"),
        *("list-no-size", "list-half", "list-unended", "list-more-without-token"),
        *("list-bomb", "answer-cut", "answer-stalls", "list-other-prefix"),
    )
    for play in broken:
        yield Case("list", play, SURVIVE)
        yield Case("list", play, TELL, times=FOR_EVER)
    yield Case("list", "list-reordered", SURVIVE)
    yield Case("list", "list-endless", TELL, times=FOR_EVER)
    yield Case("list", "answer-trickles", TELL, times=FOR_EVER)
    yield Case("list", "NoSuchBucket", TELL)


def _of_large_uploads() -> Iterator[Case]:
    large = "multipart"
    for on in ("begin", "complete"):
        yield Case(large, "ServiceUnavailable", SURVIVE, times=4, on=on)
        for play in ("lost-answer", "reset-before", "page-520", "garbage", "answer-bare"):
            yield Case(large, play, SURVIVE, on=on)
        yield Case(large, "answer-page", SURVIVE, on=on)
        yield Case(large, "answer-bare", TELL, times=FOR_EVER, on=on)
    for play in ("phantom", "phantom-right-etag", "no-etag"):
        yield Case(large, play, TELL)
    for play in ("wire-flipped", "wire-cut", "reset-in-body", "refused-early", "BadDigest"):
        yield Case(large, play, SURVIVE)
    yield Case(large, "stored-flipped", TELL)
    yield Case(large, "stored-cut", TELL)
    yield Case(large, "reset-in-body", SURVIVE, skip=1)
    yield Case(large, "lost-answer-stall", SURVIVE)
    for play in ("complete-error", "complete-spaces-error", "complete-spaces", "phantom"):
        yield Case(large, play, SURVIVE, on="complete")
    yield Case(large, "complete-error", TELL, times=FOR_EVER, on="complete")
    yield Case(large, "phantom", TELL, times=FOR_EVER, on="complete")
    for play in ("done-but-NoSuchUpload", "done-but-InternalError", "done-but-page-502"):
        yield Case(large, play, SURVIVE, on="complete")
    yield Case(large, "ConditionalRequestConflict", SURVIVE, on="complete")
    yield Case(large, "twice", SURVIVE, on="complete")
    yield Case(large, "NoSuchUpload", TELL)
    yield Case(large, "InvalidPart", TELL, on="complete")


CASES = {
    case.id: case
    for case in chain(
        _everywhere(), _more_than_once(), _while_looking(), _of_listings(), _of_large_uploads()
    )
}
