"""What a lineage graph is made of: contents, and which was used as what."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from typing_extensions import override

from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.step import REJECTED

UNKNOWN = "not in the catalogue"


class Direction(enum.StrEnum):
    """Which way a graph leads from its root."""

    WHY = "why"  # up to the raw files
    IMPACT = "impact"  # down to what was made


class NodeKind(enum.StrEnum):
    """What a content is to whoever asks."""

    RAW = "raw"  # came from outside
    DERIVED = "derived"
    DATASET_VERSION = "dataset version"
    MODEL_VERSION = "model version"  # one that was registered
    MISSING = "missing"  # used or made, but no record tells of it


@dataclass(frozen=True, slots=True)
class LineageNode:
    """One content in a lineage graph; what is not known is "" or None.

    Attributes
    ----------
    content_hash, name, tier, media_type : str
    kind : NodeKind
    origin : str
        Where it was ingested from; "" for derived content.
    step, derivation_key : str
        What made it; "" for ingested content.
    created_at : datetime, optional
    author : str
        Who stored it.
    excluded : str
        The reason why it is left out; "" where it is not.
    deleted : bool
        Whether it was deleted: nothing finds it, but what was made with it was made.
    night, filter_band, observation_time : str, optional
    versions : tuple of str
        The dataset versions that it is the manifest of, such as ``"sn-train v2"``, or the
        registered models that it is, such as ``"real-bogus v1"``.
    """

    content_hash: str
    name: str = UNKNOWN
    tier: str = ""
    kind: NodeKind = NodeKind.MISSING
    media_type: str = ""
    origin: str = ""
    step: str = ""
    derivation_key: str = ""
    created_at: datetime | None = None
    author: str = ""
    excluded: str = ""
    deleted: bool = False
    night: str | None = None
    filter_band: str | None = None
    observation_time: str | None = None
    versions: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        return f"{self.name}@{self.content_hash[:8]}"


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """`source` was used as `role` by the derivation that made `target`.

    Attributes
    ----------
    source, target : str
        Content hashes.
    role : str
        Of the source; roles are joined by commas where it was used as several.
    derivation_key, step : str
    note : str
        Such as that the step left the source out of what it made.
    """

    source: str
    target: str
    role: str
    derivation_key: str
    step: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A derivation next to a content, and the contents on its other side, in the graph."""

    derivation_key: str
    targets: tuple[str, ...]


def edges_into(target: str, made: Derivation) -> Iterator[LineageEdge]:
    """Yield an edge per input of the derivation that made `target`."""
    for role, hashes in made.inputs.items():
        for source in hashes:
            yield LineageEdge(source, target, role, made.key, made.step, _note(made, source))


def edges_out_of(source: str, made: Derivation, targets: Sequence[str]) -> Iterator[LineageEdge]:
    """Yield an edge per content of `targets`, which a derivation made with `source`."""
    roles = ", ".join(role for role, hashes in made.inputs.items() if source in hashes)
    note = _note(made, source)
    for target in targets:
        yield LineageEdge(source, target, roles, made.key, made.step, note)


def _note(made: Derivation, source: str) -> str:
    """Return that a step left `source` out of what it made, where its facts say so."""
    left_out = made.facts.get(REJECTED, ())
    if not isinstance(left_out, list) or len(made.inputs) != 1:
        return ""
    (hashes,) = made.inputs.values()
    reasons = [said["reason"] for said in left_out if hashes[said["index"]] == source]
    return f"left out: {reasons[0]}" if reasons else ""
