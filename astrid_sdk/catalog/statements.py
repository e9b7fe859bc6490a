"""What people say of stored content: statements are records, and the last one counts."""

from astrid_sdk.catalog.search.finding import Found
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.records import Record, RecordKind, RecordLog
from astrid_sdk.tiers import Tier


def say_excluded(records: RecordLog, found: Found, reason: str | None) -> None:
    """Record that `found` is excluded for `reason`; None takes an exclusion back.

    Raises
    ------
    InvalidInputError
        `reason` is empty: whoever meets the exclusion later has to understand it.
    """
    if reason is not None and not reason.strip():
        raise InvalidInputError('an exclusion needs a reason, such as reason="trailed"')
    records.append(
        [
            Record(
                kind=RecordKind.EXCLUDE,
                content_hash=found.content_hash,
                tier=Tier(found.tier),
                size_bytes=found.size_bytes,
                media_type=found.media_type,
                name=found.name,
                details={"reason": reason},
            )
        ]
    )
