"""Derivations: a computation named by what went into it, done once per bucket.

The key of a derivation is the SHA-256 of the canonical JSON of step, code version, parameters
and input hashes. Its commit point is the object ``_derivations/<key[:2]>/<key>.json`` (format
version 1), created after the output blobs and their records: the first writer wins, others adopt
its outputs, and an output that differs is kept as a conflict under ``_derivations/conflicts/``.
"""

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from astrid_sdk.canonical import canonical_json, json_hash
from astrid_sdk.catalog.code_version import code_version, library_versions
from astrid_sdk.errors import ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.sky.summary import Summary
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.records import Record, RecordKind, RecordLog
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
PREFIX = "_derivations/"


@dataclass(frozen=True, slots=True)
class Output:
    """What a step makes: bytes and how to call them.

    Attributes
    ----------
    role : str
        Unique among the outputs of one derivation.
    suffix : str
        Follows the subject's name in the output's name, such as ``".processed.fits"``.
    position : tuple of float, optional
        ICRS (ra_deg, dec_deg) where the output shows a place and not its subject's whole field.
    """

    role: str
    data: bytes
    media_type: str
    suffix: str
    position: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a step returns: its outputs, and numbers about them for people (JSON values)."""

    outputs: Sequence[Output]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Inputs:
    """The inputs of a step, by role, read and verified when asked for."""

    def __init__(self, cas: ContentAddressedStorage, hashes: Mapping[str, Sequence[str]]) -> None:
        self._cas = cas
        self.hashes = hashes

    def read(self, role: str) -> bytes:
        """Return the bytes of the one input called `role`."""
        (content_hash,) = self.hashes[role]
        return self._cas.retrieve_data(content_hash)

    def read_optional(self, role: str) -> bytes | None:
        """Return the bytes of the input called `role`, or None where there is none."""
        return self.read(role) if self.hashes.get(role) else None

    def read_all(self, role: str) -> Iterator[bytes]:
        """Yield the bytes of each input called `role`, in order."""
        for content_hash in self.hashes.get(role, ()):
            yield self._cas.retrieve_data(content_hash)


StepFunction = Callable[[Inputs, Mapping[str, Any]], Result]


@dataclass(frozen=True, slots=True)
class Step:
    """A pure function with a name: the same inputs and parameters give the same outputs.

    Attributes
    ----------
    name : str
    function : callable
        Takes `Inputs` and the parameters, returns a `Result`. An `InvalidInputError` it
        raises is a refusal: recorded like a result, so that it is not tried again.
    tier : Tier
        Where the outputs go.
    libraries : sequence of str
        Distributions whose version can change the numbers.
    """

    name: str
    function: StepFunction
    tier: Tier
    libraries: tuple[str, ...] = ("numpy",)

    @property
    def code_version(self) -> str:
        """Hash of the step's source, of our modules it imports, and of the library versions."""
        return code_version(self.function, self.libraries)


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
        value = json.loads(content)
        if value.pop("format_version") != FORMAT_VERSION:
            raise InvalidInputError(
                "a derivation was written by a later release: upgrade astrid-sdk to read it",
                kind="format_version",
            )
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
        """Return the derivation called `key`, or None when it was never done."""
        try:
            content = self._storage.download_file(self._bucket, object_key(key))
        except NotFoundError:
            return None
        return Derivation.from_bytes(content, reused=True)

    def keys(self) -> list[str]:
        """Return the keys of all derivations, in byte order."""
        listed = self._storage.list_files(self._bucket, PREFIX)
        names = [name.removeprefix(PREFIX) for name in listed]
        return [name[3:-5] for name in names if not name.startswith("conflicts/")]

    def _run(
        self, step: Step, inputs: Mapping[str, Sequence[str]], parameters: Mapping[str, Any]
    ) -> tuple[Result, str]:
        try:
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
        if theirs.outputs != ours.outputs or theirs.refusal != ours.refusal:
            note = f"{PREFIX}conflicts/{ours.key}/{json_hash([o.to_json() for o in ours.outputs])}"
            self._storage.upload_file(
                self._bucket, f"{note}.json", ours.to_bytes(), "application/json"
            )
        return theirs


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
