"""A survey's derivations, committed without computing anything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef, derivation_key
from astrid_sdk.catalog.steps.derivations import object_key
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

REFERENCES, SCIENCE = 10, 30
PER_FIELD = REFERENCES + 1 + 3 * SCIENCE
"""Derivations of one field of the sky."""

_START = datetime(2024, 4, 5, tzinfo=UTC)


@dataclass
class Survey:
    """What was stored, so that questions can be asked about it.

    Attributes
    ----------
    raw, detections : list of str
        Content hashes.
    records : list of Record
    derivations : list of Derivation
    """

    raw: list[str] = field(default_factory=list)
    detections: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    derivations: list[Derivation] = field(default_factory=list)

    def ingest(self, name: str) -> str:
        """Add a raw file and return its hash."""
        content_hash = sha256_hex(name.encode())
        self.raw.append(content_hash)
        self.records.append(
            Record(
                RecordKind.INGEST,
                content_hash,
                Tier.RAW_OBSERVATIONS,
                4_000_000,
                "application/fits",
                name,
                origin=f"file:///nights/{name}",
                created_at=_START,
            )
        )
        return content_hash

    def make(self, step: str, inputs: Mapping[str, Sequence[str]], name: str, tier: Tier) -> str:
        """Add a derivation with one output and return that."""
        when = _START + timedelta(seconds=len(self.derivations) + 1)
        made = sha256_hex(f"{step} {name}".encode())
        key = derivation_key(step, "1", {"hdu_index": 0}, inputs)
        ref = OutputRef("image", made, 4_000_000, "application/fits", name, tier)
        self.derivations.append(
            Derivation(
                key, step, "1", {"hdu_index": 0}, inputs, (ref,), created_at=when, duration_s=1.0
            )
        )
        self.records.append(
            Record(
                RecordKind.DERIVED,
                made,
                tier,
                ref.size_bytes,
                ref.media_type,
                name,
                derivation_key=key,
                created_at=when,
            )
        )
        return made


def survey_of(derivations: int) -> Survey:
    """Return a survey of about so many derivations."""
    survey = Survey()
    for number in range(max(1, derivations // PER_FIELD)):
        _field(survey, f"field-{number:05d}")
    return survey


def write_objects(derivations: Sequence[Derivation], bucket: Path) -> None:
    """Write derivation objects into a local store's bucket, without forcing each to the disk."""
    for made in derivations:
        path = bucket / object_key(made.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.to_bytes())


def _field(survey: Survey, name: str) -> None:
    frames = list(_calibrated(survey, f"{name}-ref", REFERENCES))
    template = survey.make("coadd", {"frame": frames}, name, Tier.PROCESSED_OBSERVATIONS)
    for number, frame in enumerate(_calibrated(survey, f"{name}-sci", SCIENCE)):
        inputs = {"science": [frame], "reference": [template]}
        called = f"{name}-{number:02d}"
        difference = survey.make("subtract", inputs, called, Tier.DIFFERENCE_IMAGES)
        searched = {"difference": [difference], "science": [frame]}
        survey.detections.append(survey.make("detect", searched, called, Tier.DETECTIONS))


def _calibrated(survey: Survey, name: str, count: int) -> Iterator[str]:
    for number in range(count):
        raw = survey.ingest(f"{name}-{number:02d}.fits")
        yield survey.make(
            "calibrate", {"raw": [raw]}, f"{name}-{number:02d}", Tier.PROCESSED_OBSERVATIONS
        )
