"""The table of content-addressed storage: which fault meets which work."""

from collections.abc import Iterator
from itertools import chain

from faults.cases import SURVIVE, TELL, Case, Table

from astrid_sdk.testing.faults import FOR_EVER

STORES = ("store_data", "store_file", "store_files", "heal_cut", "heal_flipped")
BY_PUT = ("store_data", "store_files", "heal_cut", "heal_flipped")
READS = ("retrieve_data", "retrieve_file", "retrieve_files", "read_range")

_PASSING: Table = (
    (STORES, ("lost-answer", "reset-before", "page-520", "TooManyRequests", "wire-flipped")),
    (BY_PUT, ("phantom", "phantom-right-etag", "twice", "stored-cut-right-etag")),
    (
        READS,
        ("answer-flipped", "answer-swapped", "answer-cut", "answer-cut-matching", "answer-bare"),
    ),
    (READS, ("answer-page", "answer-longer", "page-404", "reset-before", "other-answer")),
    (READS, ("answer-stalls", "ServiceUnavailable")),
)
_STAYING: Table = (
    (STORES, ("ServiceUnavailable", "AccessDenied")),
    (BY_PUT, ("phantom-right-etag", "stored-cut-right-etag")),
    (READS, ("answer-flipped", "answer-swapped", "answer-cut-matching", "answer-bare")),
    (READS, ("answer-page", "page-404", "ServiceUnavailable", "AccessDenied", "other-answer")),
)


def _stored_cases() -> Iterator[Case]:
    for table, owed, times in ((_PASSING, SURVIVE, 1), (_STAYING, TELL, FOR_EVER)):
        for works, plays in table:
            yield from (Case(work, play, owed, times) for work in works for play in plays)


def _later_on() -> Iterator[Case]:
    """Yield what meets a later request: the record behind the blob, a later piece."""
    for skip in (1, 2):
        for play in ("lost-answer", "phantom-right-etag", "ServiceUnavailable"):
            yield Case("store_data", play, SURVIVE, on="put", skip=skip)
        yield Case("store_data", "ServiceUnavailable", TELL, FOR_EVER, on="put", skip=skip)
    for play in ("lost-answer", "phantom-right-etag", "stored-cut-right-etag"):
        yield Case("store_files", play, SURVIVE, skip=5)
        yield Case("store_file", play, SURVIVE, on="put")  # leaves, record
    for play in ("lost-answer", "phantom", "complete-error", "done-but-NoSuchUpload"):
        yield Case("store_file", play, SURVIVE, on="complete")
    for play in ("answer-flipped", "answer-cut-matching", "other-answer"):
        for work in ("read_range", "retrieve_file", "retrieve_files"):
            yield Case(work, play, SURVIVE, skip=1)


def _while_looking() -> Iterator[Case]:
    for work in (*STORES, "store_again", *READS):
        for play in ("ServiceUnavailable", "reset-before", "page-404", "answer-bare"):
            yield Case(work, play, SURVIVE, on="head")
        for play in ("ServiceUnavailable", "AccessDenied", "page-404"):
            yield Case(work, play, TELL, FOR_EVER, on="head")
    for play in ("answer-page", "list-error", "list-empty-element", "list-half"):
        yield Case("store_files", play, SURVIVE, on="list")
        yield Case("store_files", play, TELL, FOR_EVER, on="list")


STORED_CASES = {case.id: case for case in chain(_stored_cases(), _later_on(), _while_looking())}
