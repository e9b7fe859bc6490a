"""Derivations: a computation named by what went into it, done once per bucket.

The key of a derivation is the SHA-256 of the canonical JSON of step, code version, parameters
and input hashes. Its commit point is the object ``_derivations/<key[:2]>/<key>.json`` (format
version 1), created after the output blobs and their records: the first writer wins, others adopt
its outputs, and an output that differs is kept as a conflict under ``_derivations/conflicts/``.
"""

import json
import platform
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from threadpoolctl import threadpool_limits

from astrid_sdk.canonical import canonical_json, json_hash
from astrid_sdk.catalog.code_version import library_versions
from astrid_sdk.catalog.step import Inputs, Output, Result, Step
from astrid_sdk.errors import ConflictError, CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.formats import read_versioned
from astrid_sdk.sky.summary import Summary
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import Record, RecordKind, RecordLog
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
PREFIX = "_derivations/"
_OBJECT_KEY = re.compile(r"_derivations/[0-9a-f]{2}/(?P<key>[0-9a-f]{64})\.json")


@dataclass(frozen=True, slots=True)
class OutputRef:
    """An output as a derivation remembers it."""

    role: str
    content_hash: str
    size_bytes: int
    media_type: str
    name: str
    tier: Tier

    def to_json(self) -> dict[str, Any]:
        """Return the reference as plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "OutputRef":
        """Return the reference that `to_json` wrote."""
        return cls(**{**value, "tier": Tier(value["tier"])})


@dataclass(frozen=True, slots=True)
class Derivation:
    """A computation that was done.

    Attributes
    ----------
    key, step, code_version : str
    parameters : mapping
    inputs : mapping of str to sequence of str
        Role to content hashes, in the order the step saw them.
    outputs : sequence of OutputRef
        Possibly none.
    facts : mapping
        Numbers about the outputs, for people.
    refusal : str
        Why there are no outputs: the input could not be used. "" otherwise.
    created_at : datetime
    duration_s : float
    environment : mapping
        Where it was computed; not part of the key.
    reused : bool
        True when it had been done before this call.
    """

    key: str
    step: str
    code_version: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Sequence[str]]
    outputs: Sequence[OutputRef]
    facts: Mapping[str, Any] = field(default_factory=dict)
    refusal: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    duration_s: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)
    reused: bool = False

    def output(self, role: str) -> OutputRef:
        """Return the output called `role`.

        Raises
        ------
        NotFoundError
            There is none.
        """
        for output in self.outputs:
            if output.role == role:
                return output
        raise NotFoundError(f"derivation {self.key[:8]} ({self.step}) has no output {role!r}")

    def to_bytes(self) -> bytes:
        """Return the derivation object."""
        return canonical_json(
            {
                "format_version": FORMAT_VERSION,
                "key": self.key,
                "step": self.step,
                "code_version": self.code_version,
                "parameters": dict(self.parameters),
                "inputs": {role: list(hashes) for role, hashes in self.inputs.items()},
                "outputs": [output.to_json() for output in self.outputs],
                "facts": dict(self.facts),
                "refusal": self.refusal,
                "created_at": self.created_at.isoformat(),
                "duration_s": self.duration_s,
                "environment": dict(self.environment),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes, *, reused: bool = False) -> "Derivation":
        """Return the derivation that `to_bytes` wrote."""
        value = read_versioned(content, FORMAT_VERSION, "a derivation")
        value["outputs"] = tuple(OutputRef.from_json(output) for output in value["outputs"])
        value["created_at"] = datetime.fromisoformat(value["created_at"])
        return cls(**value, reused=reused)


def derivation_key(
    step: str,
    version: str,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Sequence[str]],
) -> str:
    """Return the SHA-256 that names the computation."""
    return json_hash(
        {
            "step": step,
            "code_version": version,
            "parameters": dict(parameters),
            "inputs": {role: list(hashes) for role, hashes in inputs.items()},
        }
    )


def object_key(key: str) -> str:
    """Return where the derivation called `key` stands."""
    return f"{PREFIX}{key[:2]}/{key}.json"


class Derivations:
    """Runs steps once, and remembers what they made.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    cas : ContentAddressedStorage
    records : RecordLog
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        cas: ContentAddressedStorage,
        records: RecordLog,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._cas = cas
        self._records = records

    def derive(
        self,
        step: Step,
        inputs: Mapping[str, Sequence[str]],
        parameters: Mapping[str, Any],
        *,
        name: str,
        subject: Summary | None = None,
    ) -> Derivation:
        """Return the derivation of `inputs` by `step`, computing it only when nobody has.

        Parameters
        ----------
        step : Step
        inputs : mapping of str to sequence of str
            Role to content hashes.
        parameters : mapping
            JSON values.
        name : str
            What people call the subject; outputs are called `name` and their suffix.
        subject : Summary, optional
            What the subject's bytes say of the exposure; the outputs' records carry it on.
        """
        version = step.code_version
        key = derivation_key(step.name, version, parameters, inputs)
        done = self.find(key)
        if done is not None:
            return done
        started = time.monotonic()
        result, refusal = self._run(step, inputs, parameters)
        refs = [self._store(step, output, name) for output in result.outputs]
        derivation = Derivation(
            key=key,
            step=step.name,
            code_version=version,
            parameters=parameters,
            inputs=inputs,
            outputs=tuple(refs),
            facts=result.facts,
            refusal=refusal,
            duration_s=round(time.monotonic() - started, 3),
            environment={
                "python": platform.python_version(),
                "platform": platform.platform(),
                **library_versions(step.libraries),
            },
        )
        summaries = [_summaries(output, subject) for output in result.outputs]
        self._records.append(_records(derivation, summaries))
        return self._commit(derivation)

    def find(self, key: str) -> Derivation | None:
        """Return the derivation called `key`, or None when it was never done.

        Raises
        ------
        CorruptionError
            What is stored is not that derivation.
        """
        try:
            content = self._storage.download_file(self._bucket, object_key(key))
        except NotFoundError as error:
            if error.kind == "no_such_bucket":
                raise
            return None
        return _verified(content, key)

    def keys(self) -> list[str]:
        """Return the keys of all derivations, in byte order."""
        listed = self._storage.list_files(self._bucket, PREFIX)
        found = (_OBJECT_KEY.fullmatch(name) for name in listed)
        return [match["key"] for match in found if match]

    def _run(
        self, step: Step, inputs: Mapping[str, Sequence[str]], parameters: Mapping[str, Any]
    ) -> tuple[Result, str]:
        try:
            # sums of many threads come in another order: the cores must not change the numbers
            with threadpool_limits(limits=1):
                return step.function(Inputs(self._cas, inputs), parameters), ""
        except InvalidInputError as refusal:
            return Result(()), refusal.message

    def _store(self, step: Step, output: Output, name: str) -> OutputRef:
        content_hash = self._cas.put_blob(output.data, output.media_type, step.tier)
        return OutputRef(
            role=output.role,
            content_hash=content_hash,
            size_bytes=len(output.data),
            media_type=output.media_type,
            name=f"{name}{output.suffix}",
            tier=step.tier,
        )

    def _commit(self, derivation: Derivation) -> Derivation:
        try:
            self._storage.upload_file(
                self._bucket,
                object_key(derivation.key),
                derivation.to_bytes(),
                "application/json",
                create_only=True,
            )
        except ConflictError:
            return self._adopt(derivation)
        return derivation

    def _adopt(self, ours: Derivation) -> Derivation:
        theirs = self.find(ours.key)
        if theirs is None:
            raise ConflictError(
                f"derivation {ours.key} was there and is gone: somebody deletes while we write; "
                "run the step again"
            )
        if _made(theirs) != _made(ours):
            note = f"{PREFIX}conflicts/{ours.key}/{json_hash([o.to_json() for o in ours.outputs])}"
            self._storage.upload_file(
                self._bucket, f"{note}.json", ours.to_bytes(), "application/json"
            )
        return theirs


def _made(derivation: Derivation) -> tuple[str, list[tuple[str, str]]]:
    """Return what two computations of one key must agree in; names may differ."""
    outputs = [(output.role, output.content_hash) for output in derivation.outputs]
    return (derivation.refusal, outputs)


def _verified(content: bytes, key: str) -> Derivation:
    damaged = f"derivation {key} does not hold what its name says: delete {object_key(key)}, and it"
    try:
        found = Derivation.from_bytes(content, reused=True)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CorruptionError(f"{damaged} is computed again") from error
    if derivation_key(found.step, found.code_version, found.parameters, found.inputs) != key:
        raise CorruptionError(f"{damaged} is computed again")
    return found


def _summaries(output: Output, subject: Summary | None) -> list[Summary]:
    if subject is None:
        return []
    if output.position is None:
        return [subject]
    ra_deg, dec_deg = output.position
    return [replace(subject, ra_deg=ra_deg, dec_deg=dec_deg, radius_deg=0.0, footprint=None)]


def _records(derivation: Derivation, summaries: Sequence[Sequence[Summary]]) -> list[Record]:
    return [
        Record(
            kind=RecordKind.DERIVED,
            content_hash=output.content_hash,
            tier=output.tier,
            size_bytes=output.size_bytes,
            media_type=output.media_type,
            name=output.name,
            derivation_key=derivation.key,
            details={"role": output.role},
            summaries=[summary.to_json() for summary in told],
        )
        for output, told in zip(derivation.outputs, summaries, strict=True)
    ]
