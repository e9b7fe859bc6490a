"""Derivations that are committed without running anything: many, or of an impossible order."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from stores import BUCKET, Bench

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef, derivation_key
from astrid_sdk.catalog.steps.derivations import object_key
from astrid_sdk.storage.operations import Put
from astrid_sdk.storage.records import Record, RecordKind
from astrid_sdk.tiers import Tier

_START = datetime(2024, 4, 5, tzinfo=UTC)


def content(name: str) -> str:
    """Return the hash that stands for the content called `name`."""
    return sha256_hex(name.encode())


def made(
    inputs: Mapping[str, Sequence[str]],
    outputs: Sequence[str],
    step: str = "made",
    *,
    second: int = 0,
    tier: Tier = Tier.ARTIFACTS,
) -> Derivation:
    """Return a derivation of contents by their names."""
    hashes = {role: [content(name) for name in names] for role, names in inputs.items()}
    refs = [
        OutputRef(f"out-{number}", content(name), 1, "text/plain", name, tier)
        for number, name in enumerate(outputs)
    ]
    return Derivation(
        key=derivation_key(step, "1", {}, hashes),
        step=step,
        code_version="1",
        parameters={},
        inputs=hashes,
        outputs=refs,
        created_at=_START + timedelta(seconds=second),
        duration_s=1.5,
    )


def commit(bench: Bench, derivations: Sequence[Derivation], raw: Sequence[str] = ()) -> None:
    """Write the records and objects of `derivations`, and the records of raw contents."""
    ingested = [
        Record(
            RecordKind.INGEST,
            content(name),
            Tier.RAW_OBSERVATIONS,
            1,
            "text/plain",
            name,
            origin=f"data:{name}",
            created_at=_START,
        )
        for name in raw
    ]
    derived = [
        Record(
            RecordKind.DERIVED,
            output.content_hash,
            output.tier,
            1,
            output.media_type,
            output.name,
            derivation_key=derivation.key,
            created_at=derivation.created_at,
        )
        for derivation in derivations
        for output in derivation.outputs
    ]
    bench.records.append([*ingested, *derived])
    puts = [
        Put(
            bucket=BUCKET,
            key=object_key(derivation.key),
            data=derivation.to_bytes(),
            content_type="application/json",
        )
        for derivation in derivations
    ]
    for outcome in bench.storage.perform_many(puts):
        outcome.value()


def commit_chain(bench: Bench, length: int) -> str:
    """Commit a chain of derivations on a raw content and return its end."""
    links = [
        made({"text": [str(number)]}, [str(number + 1)], second=number) for number in range(length)
    ]
    commit(bench, links, ["0"])
    return content(str(length))


def commit_circle(bench: Bench) -> tuple[str, str]:
    """Commit two contents that were made from each other, as clocks that disagree can say."""
    commit(bench, [made({"text": ["a"]}, ["b"]), made({"text": ["b"]}, ["a"])])
    return content("a"), content("b")
