"""Records of made-up exposures, for tests that need a catalogue and no bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stores import Bench

from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef
from astrid_sdk.catalog.steps.derivations import derivation_key, object_key
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

NOON = datetime(2024, 4, 5, 12, tzinfo=UTC)
SIDE_DEG = 0.5


def hash_of(number: int) -> str:
    """Return the content hash of exposure `number`; `number_of` undoes that."""
    return f"{number:08x}" + "0" * 56


def number_of(content_hash: str) -> int:
    return int(content_hash[:8], 16)


def square(ra_deg: float, dec_deg: float) -> list[tuple[float, float]]:
    """Return the corners of an image half a degree wide; not to be used at a pole."""
    h = SIDE_DEG / 2
    return [((ra_deg + a) % 360.0, dec_deg + d) for a, d in ((-h, -h), (h, -h), (h, h), (-h, h))]


def summary(
    number: int, ra_deg: float | None = 150.0, dec_deg: float | None = 2.0, **said: Any
) -> dict[str, Any]:
    """Return what the bytes of exposure `number` say: a square image unless `said` otherwise."""
    placed = ra_deg is not None and dec_deg is not None
    return {
        "hdu_index": 0,
        "role": "image",
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "radius_deg": SIDE_DEG / 2 * 2**0.5 if placed else None,
        "footprint": square(ra_deg, dec_deg)
        if ra_deg is not None and dec_deg is not None
        else None,
        "night": "2024-04-05",
        "observation_time": (NOON + timedelta(hours=number)).isoformat(),
        "filter_band": "r",
        "instrument": "testcam",
        **said,
    }


def image(number: int, ra_deg: float = 150.0, dec_deg: float = 2.0, **said: Any) -> Record:
    """Return the record of the ingest of exposure `number`, `number` seconds after noon."""
    return Record(
        kind=RecordKind.INGEST,
        content_hash=hash_of(number),
        tier=Tier.RAW_OBSERVATIONS,
        size_bytes=100 + number,
        media_type="application/fits",
        name=f"night/Frame-{number}.fits",
        origin=f"file:///frame-{number}.fits",
        created_at=NOON + timedelta(seconds=number),
        author="ada",
        summaries=[summary(number, ra_deg, dec_deg, **said)],
    )


def tag(record: Record, value: str, seconds: int) -> Record:
    """Return the statement, so many seconds after noon, that the exposure is for `value`."""
    said = {"tag": "purpose", "value": value}
    return _statement(record, RecordKind.TAG, said, seconds)


def exclusion(record: Record, reason: str | None, seconds: int) -> Record:
    """Return the statement that the exposure is to be left out; None takes that back."""
    return _statement(record, RecordKind.EXCLUDE, {"reason": reason}, seconds)


def _statement(
    record: Record, kind: RecordKind, details: Mapping[str, Any], seconds: int
) -> Record:
    when = NOON + timedelta(seconds=seconds)
    return replace(record, kind=kind, origin="", details=details, summaries=(), created_at=when)


def derived(
    number: int, source: int, step: str = "subtract", seconds: int = 0, **said: Any
) -> tuple[Record, Derivation]:
    """Return record and derivation of content `number`, made from content `source`."""
    inputs = {"science": [hash_of(source)]}
    key = derivation_key(step, "1", {}, inputs)
    when = NOON + timedelta(seconds=seconds)
    record = replace(
        image(number, **said),
        kind=RecordKind.DERIVED,
        tier=Tier.DIFFERENCE_IMAGES,
        origin="",
        derivation_key=key,
        created_at=when,
    )
    output = OutputRef(
        "difference",
        record.content_hash,
        record.size_bytes,
        record.media_type,
        record.name,
        record.tier,
    )
    return record, Derivation(key, step, "1", {}, inputs, (output,), created_at=when)


def commit(bench: Bench, made: Derivation, bucket: str = "astrid-storage") -> None:
    """Write the derivation object."""
    key = object_key(made.key)
    bench.storage.upload_file(bucket, key, made.to_bytes(), "application/json", create_only=True)


def found(bench: Bench, **conditions: Any) -> list[int]:
    """Return the numbers of the exposures that are found, in the order of the answer."""
    rows = find(bench.catalog, Query(**conditions))
    return [number_of(row.content_hash) for row in rows]


def answers(bench: Bench) -> Sequence[Mapping[str, Any]]:
    """Return everything that the catalogue says: rows of contents and of derivations."""
    rows = find(bench.catalog, Query(include_excluded=True)).to_arrow()
    made = sorted(bench.catalog.derivation_objects().items())
    return [*rows.to_pylist(), *({"key": key, "object": text} for key, text in made)]
