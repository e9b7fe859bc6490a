"""A derivation: a computation that was done, and the key that names it.

The key is the SHA-256 of the canonical JSON of step, code version, parameters and input hashes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from astrid_sdk.canonical import canonical_json, json_hash
from astrid_sdk.catalog.short import called, line
from astrid_sdk.errors import NotFoundError
from astrid_sdk.formats import read_versioned
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1

_SHOWN_OUTPUTS = 2
_REFUSAL_CHARACTERS = 300


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


@dataclass(frozen=True, slots=True, repr=False)
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

    @override
    def __repr__(self) -> str:
        made = f"refused: {self.refusal}" if self.refusal else _made(self.outputs)
        reused = ", reused" if self.reused else ""
        text = f"derivation {self.step} {self.key[:8]}: {made}{reused}"
        return line(text, _REFUSAL_CHARACTERS)

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

    def to_json(self) -> dict[str, Any]:
        """Return the derivation as plain JSON values."""
        return {
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

    def to_bytes(self) -> bytes:
        """Return the derivation object."""
        return canonical_json({"format_version": FORMAT_VERSION, **self.to_json()})

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


def _made(outputs: Sequence[OutputRef]) -> str:
    """Return the first outputs in short, and how many more there are."""
    shown = outputs[:_SHOWN_OUTPUTS]
    words = [f"{called(each.name, each.content_hash)} ({each.role})" for each in shown]
    more = len(outputs) - len(shown)
    return ", ".join(words) + (f" and {more} more" if more else "") or "no outputs"
