"""A sky of made-up exposures, written as the record packs and derivation objects they would be."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from astrid_sdk.canonical import json_hash, sha256_hex
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef
from astrid_sdk.catalog.steps.derivations import derivation_key, object_key
from astrid_sdk.storage.records import PACK_LINES, Record, RecordKind
from astrid_sdk.tiers import Tier

START = datetime(2020, 1, 1, tzinfo=UTC)
BANDS = ("u", "g", "r", "i", "z")
_HALF_SIDE_DEG = 0.15
_DEC_LIMIT_DEG = 85.0


@dataclasses.dataclass(frozen=True)
class Sky:
    """How many exposures there are.

    Parameters
    ----------
    rows : int
        Records with a position, all over the sky.
    derivations : int
        How many of them were made by a step, each by a derivation of its own.
    """

    rows: int
    derivations: int


def write_sky(sky: Sky, bucket: Path) -> None:
    """Write packs and derivation objects into the folder `bucket` of an embedded store."""
    lines: list[bytes] = []
    for record in _records(sky, bucket):
        lines.append(record.to_line())
        if len(lines) == PACK_LINES:
            _write_pack(bucket, lines)
            lines = []
    if lines:
        _write_pack(bucket, lines)


def _records(sky: Sky, bucket: Path) -> Iterator[Record]:
    random = np.random.default_rng(20240405)
    ra = random.uniform(0.0, 360.0, sky.rows)
    dec = np.degrees(np.arcsin(random.uniform(-0.996, 0.996, sky.rows)))
    for number in range(sky.rows):
        summary = _summary(number, float(ra[number]), float(dec[number]))
        when = START + timedelta(seconds=number)
        common = {
            "content_hash": sha256_hex(b"content %d" % number),
            "size_bytes": 33_554_432,
            "media_type": "application/fits",
            "name": f"night-{number // 1000}/exposure-{number}.fits",
            "created_at": when,
            "author": "ada",
            "summaries": [summary],
        }
        if number >= sky.derivations:
            origin = f"file:///data/exposure-{number}.fits"
            yield Record(RecordKind.INGEST, tier=Tier.RAW_OBSERVATIONS, origin=origin, **common)
        else:
            key = _write_derivation(bucket, common["content_hash"], number, when)
            yield Record(
                RecordKind.DERIVED,
                tier=Tier.DIFFERENCE_IMAGES,
                derivation_key=key,
                details={"role": "difference"},
                **common,
            )


def _summary(number: int, ra_deg: float, dec_deg: float) -> dict[str, object]:
    wide = _HALF_SIDE_DEG / np.cos(np.radians(min(abs(dec_deg), _DEC_LIMIT_DEG)))
    low, high = max(-90.0, dec_deg - _HALF_SIDE_DEG), min(90.0, dec_deg + _HALF_SIDE_DEG)
    corners = [
        (ra_deg - wide, low),
        (ra_deg + wide, low),
        (ra_deg + wide, high),
        (ra_deg - wide, high),
    ]
    night = START + timedelta(days=number // 1000)
    return {
        "parser_version": 2,
        "hdu_index": 0,
        "role": "image",
        "object_name": f"field-{number % 4000}",
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "radius_deg": float(_HALF_SIDE_DEG * 2**0.5),
        "footprint": [[a % 360.0, d] for a, d in corners],
        "night": night.date().isoformat(),
        "observation_time": (night + timedelta(seconds=number % 1000 * 30)).isoformat(),
        "filter_band": BANDS[number % len(BANDS)],
        "instrument": "testcam",
        "survey": "made-up",
        "exposure_time_s": 30.0,
        "pixel_scale_arcsec": 0.26,
        "header": {"AIRMASS": 1.0 + number % 100 / 100, "OBSERVER": "ada", "GAIN": 2.0},
    }


def _write_derivation(bucket: Path, content_hash: str, number: int, when: datetime) -> str:
    inputs = {"science": [sha256_hex(b"content %d" % (number + 1))]}
    key = derivation_key("subtract", "1", {}, inputs)
    output = OutputRef(
        role="difference",
        content_hash=content_hash,
        size_bytes=33_554_432,
        media_type="application/fits",
        name=f"exposure-{number}",
        tier=Tier.DIFFERENCE_IMAGES,
    )
    made = Derivation(key, "subtract", "1", {}, inputs, (output,), created_at=when)
    _write(bucket / object_key(key), made.to_bytes())
    return key


def _write_pack(bucket: Path, lines: list[bytes]) -> None:
    content = b"\n".join((*lines, b""))
    digest = sha256_hex(content)
    _write(bucket / "_records" / digest[:2] / f"{digest}.ndjson", content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def described(sky: Sky) -> str:
    """Return a word for the folder in which such a sky may lie already."""
    return json_hash(json.loads(json.dumps(dataclasses.asdict(sky))))[:12]
