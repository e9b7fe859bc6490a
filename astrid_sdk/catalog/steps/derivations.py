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
from dataclasses import replace
from typing import Any

from threadpoolctl import threadpool_limits

from astrid_sdk.canonical import json_hash
from astrid_sdk.catalog.steps.code_version import library_versions
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef, derivation_key
from astrid_sdk.catalog.steps.parameters import json_values
from astrid_sdk.catalog.steps.returned import as_result
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.errors import ConflictError, CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.sky.summary import Summary
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.operations import Get
from astrid_sdk.storage.records import Record, RecordKind, RecordLog

__all__ = ["PREFIX", "Derivation", "Derivations", "OutputRef", "derivation_key", "object_key"]

PREFIX = "_derivations/"
_OBJECT_KEY = re.compile(r"_derivations/[0-9a-f]{2}/(?P<key>[0-9a-f]{64})\.json")


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

        Raises
        ------
        InvalidInputError
            A parameter is no JSON value, or the step returned something that cannot be stored.
        """
        parameters = json_values(parameters)
        version = step.code_version
        key = derivation_key(step.name, version, parameters, inputs)
        done = self.find(key)
        if done is not None:
            self._records.restore(_records(done, [() for _ in done.outputs]))
            return done
        started = time.monotonic()
        result, refusal = self.run(step, inputs, parameters)
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
            environment=environment_of(step),
        )
        summaries = [_summaries(output, subject) for output in result.outputs]
        self._records.append(_records(derivation, summaries))
        return self._commit(derivation)

    def record(self, derivation: Derivation) -> Derivation:
        """Commit what was computed elsewhere, such as a training, and whose outputs are stored.

        The first writer wins, as in `derive`: what is returned is the derivation that stands.
        """
        self._records.append(_records(derivation, [() for _ in derivation.outputs]))
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

    def find_many(self, keys: Sequence[str]) -> dict[str, Derivation]:
        """Return by key those of the derivations that were done, read side by side.

        Raises
        ------
        CorruptionError
            What is stored is not that derivation.
        """
        places = {object_key(key): key for key in keys}
        gets = [Get(bucket=self._bucket, key=place) for place in places]
        found: dict[str, Derivation] = {}
        for outcome in self._storage.perform_many(gets):
            key = places[outcome.operation.where]
            try:
                found[key] = _verified(outcome.value().data, key)
            except NotFoundError as error:
                if error.kind == "no_such_bucket":
                    raise
        return found

    def run(
        self, step: Step, inputs: Mapping[str, Sequence[str]], parameters: Mapping[str, Any]
    ) -> tuple[Result, str]:
        """Call the step and return what it made, and why it refused; nothing is stored.

        Raises
        ------
        Exception
            Whatever the step raises, but for the refusal.
        """
        try:
            # sums of many threads come in another order: the cores must not change the numbers
            with threadpool_limits(limits=1):
                returned = step.call(Inputs(self._cas, inputs), parameters)
        except InvalidInputError as refusal:
            return Result(()), refusal.message
        return as_result(returned, step.name), ""

    def keys(self) -> list[str]:
        """Return the keys of all derivations, in byte order."""
        listed = self._storage.list_files(self._bucket, PREFIX)
        found = (_OBJECT_KEY.fullmatch(name) for name in listed)
        return [match["key"] for match in found if match]

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


def environment_of(step: Step) -> dict[str, str]:
    """Return what a step runs on here: no part of any key, but told when results differ."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **library_versions(step.libraries),
    }


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
