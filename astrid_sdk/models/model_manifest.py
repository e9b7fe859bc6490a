"""A logged model as a content: the list of its files with their hashes, whose hash names it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from astrid_sdk.canonical import canonical_json, sha256_hex
from astrid_sdk.catalog.steps.derivation import Derivation, OutputRef, derivation_key
from astrid_sdk.catalog.steps.derivations import Derivations, environment_of
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.formats import read_versioned
from astrid_sdk.models.recorded_hashes import FileHash
from astrid_sdk.sky.file_names import media_type_of
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
ROLE = "model"
_MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """The files of a model, in the order of their paths; the same files give the same bytes."""

    files: Sequence[FileHash]

    @classmethod
    def of(cls, files: Iterable[FileHash]) -> Self:
        """Return the manifest of `files`."""
        return cls(tuple(sorted(files, key=lambda file: file.path)))

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values."""
        return {"format_version": FORMAT_VERSION, "files": [asdict(file) for file in self.files]}

    def to_bytes(self) -> bytes:
        """Return the manifest as canonical JSON."""
        return canonical_json(self.to_json())

    @property
    def model_hash(self) -> str:
        """SHA-256 of the manifest: one name for all files of the model."""
        return sha256_hex(self.to_bytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return the manifest that `to_bytes` wrote.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        value = read_versioned(content, FORMAT_VERSION, "a model's manifest")
        return cls(tuple(FileHash(**file) for file in value["files"]))


def _write_manifest(_inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    content = canonical_json(parameters["manifest"])
    return Result([Output(ROLE, content, _MEDIA_TYPE, ".model.json")])


TRAIN_STEP = Step("train_model", _write_manifest, Tier.MODELS, libraries=())
"""The derivation of a logged model: what was trained on, to the model's files."""


def record_model(
    derivations: Derivations,
    cas: ContentAddressedStorage,
    manifest: ModelManifest,
    inputs: Mapping[str, Sequence[str]],
    *,
    name: str,
    facts: Mapping[str, Any],
) -> Derivation:
    """Record that a model was made from `inputs`; its files are stored in the tier ``models``.

    Parameters
    ----------
    derivations : Derivations
    cas : ContentAddressedStorage
    manifest : ModelManifest
    inputs : mapping of str to sequence of str
        Role (``"dataset"``, ``"split"``) to content hashes.
    name : str
        What the model is called.
    facts : mapping
        What to tell people of it: its run, its metrics.
    """
    content = manifest.to_bytes()
    model_hash = cas.put_blob(content, _MEDIA_TYPE, Tier.MODELS)
    parameters = {"manifest": manifest.to_json()}
    version = TRAIN_STEP.code_version
    whole = _output(ROLE, str(model_hash), len(content), f"{name}.model.json", _MEDIA_TYPE)
    return derivations.record(
        Derivation(
            key=derivation_key(TRAIN_STEP.name, version, parameters, inputs),
            step=TRAIN_STEP.name,
            code_version=version,
            parameters=parameters,
            inputs=inputs,
            outputs=(whole, *(_file_output(name, file) for file in manifest.files)),
            facts=facts,
            environment=environment_of(TRAIN_STEP),
        )
    )


def _file_output(name: str, file: FileHash) -> OutputRef:
    media_type = media_type_of(file.path)
    called = f"{name}/{file.path}"
    return _output(file.path, file.content_hash, file.size_bytes, called, media_type)


def _output(role: str, content_hash: str, size_bytes: int, name: str, media_type: str) -> OutputRef:
    return OutputRef(role, content_hash, size_bytes, media_type, name, Tier.MODELS)
