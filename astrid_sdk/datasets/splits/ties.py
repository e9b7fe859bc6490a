"""What ties samples together: their lineage and exposures as one graph of numbers."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.canonical import JsonValue, canonical_json
from astrid_sdk.catalog.short import called
from astrid_sdk.formats import read_versioned

FORMAT_VERSION = 1
_SHOWN_ALLOWED = 5
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]


class TieKind(enum.StrEnum):
    """What a node above the samples is."""

    CONTENT = "content"
    DERIVATION = "derivation"  # only the way from what was made to what was used
    EXPOSURE = "exposure"


@dataclass(frozen=True, slots=True)
class Tie:
    """A content or an exposure that samples go back to.

    Attributes
    ----------
    kind : TieKind
    name : str
        Content hash, or the observation's id; "" of a derivation.
    title : str
        What people call it.
    step : str
        What made it; "" for what came from outside.
    role : str
    """

    kind: TieKind
    name: str = ""
    title: str = ""
    step: str = ""
    role: str = ""

    def told(self) -> list[JsonValue]:
        """Return its fields, as a list for JSON."""
        return [self.kind.value, self.name, self.title, self.step, self.role]

    @classmethod
    def of(cls, told: Sequence[str]) -> "Tie":
        """Return the tie that `told` gave."""
        kind, *more = told
        return cls(TieKind(kind), *more)

    def words(self) -> str:
        """Return what it is, for people."""
        if self.kind == TieKind.EXPOSURE:
            return f"exposure {self.name}"
        made = f"made by {self.step}" if self.step else "from outside"
        return f"{called(self.title, self.name)} ({made})"


@dataclass(frozen=True, slots=True)
class Sample:
    """A file that is split: its path, its content, and its label if it has one."""

    path: str
    content_hash: str
    label: str | None = None

    def told(self) -> list[JsonValue]:
        """Return its fields, as a list for JSON."""
        return [self.path, self.content_hash, self.label]


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """Samples, what they go back to, and where they are on the sky.

    Nodes are numbered: first the samples, then the ties.

    Attributes
    ----------
    samples : tuple of Sample
        In the order of their paths.
    positions : ndarray of float64, shape (samples, 2)
        ICRS (ra_deg, dec_deg); NaN where it is not known.
    ties : tuple of Tie
    child, parent : ndarray of int64
        Edges between nodes, upwards.
    strict : ndarray of bool
        Of each edge; False where it leads to what may be behind several sides.
    """

    samples: tuple[Sample, ...]
    positions: Floats
    ties: tuple[Tie, ...]
    child: Numbers
    parent: Numbers
    strict: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return len(self.samples) + len(self.ties)

    def tie(self, node: int) -> Tie:
        """Return the tie that is node number `node`."""
        return self.ties[node - len(self.samples)]

    def is_tie(self) -> NDArray[np.bool_]:
        """Return for each node whether samples below it are tied: no sample, no derivation."""
        kinds = np.array([tie.kind is not TieKind.DERIVATION for tie in self.ties], np.bool_)
        return np.concatenate([np.zeros(len(self.samples), np.bool_), kinds])

    def to_bytes(self) -> bytes:
        """Return the graph as canonical JSON."""
        is_known = np.isfinite(self.positions)
        positions: list[JsonValue] = np.where(is_known, self.positions, 0.0).tolist()
        return canonical_json(
            {
                "format_version": FORMAT_VERSION,
                "samples": [sample.told() for sample in self.samples],
                "positions": positions,
                "placed": is_known.all(axis=1).astype(np.int64).tolist(),
                "ties": [tie.told() for tie in self.ties],
                "child": self.child.tolist(),
                "parent": self.parent.tolist(),
                "strict": self.strict.astype(np.int64).tolist(),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "Ties":
        """Return the graph that `to_bytes` wrote.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        value = read_versioned(content, FORMAT_VERSION, "the ties of a dataset")
        positions = np.array(value["positions"], np.float64).reshape(-1, 2)
        placed = np.array(value["placed"], np.bool_)
        return cls(
            samples=tuple(Sample(*each) for each in value["samples"]),
            positions=np.where(placed[:, np.newaxis], positions, np.nan),
            ties=tuple(Tie.of(each) for each in value["ties"]),
            child=np.array(value["child"], np.int64),
            parent=np.array(value["parent"], np.int64),
            strict=np.array(value["strict"], np.bool_),
        )


def allowed_lines(allowed: Sequence[Tie]) -> list[str]:
    """Return what may be behind several sides, what a step made first."""
    if not allowed:
        return []
    order = sorted(allowed, key=lambda tie: (not tie.step, tie.title, tie.name))
    told = ", ".join(tie.words() for tie in order[:_SHOWN_ALLOWED])
    more = f", and {len(order) - _SHOWN_ALLOWED} more" if len(order) > _SHOWN_ALLOWED else ""
    return [f"allowed: behind several sides may be and are {told}{more}"]


def unplaced(ties: Ties) -> Iterator[str]:
    """Yield the sentence about samples that the sky cannot tell apart, where there are any."""
    count = int(np.isnan(ties.positions).any(axis=1).sum())
    if count:
        which = "1 sample has" if count == 1 else f"{count} samples have"
        yield f"{which} no position: the sky says nothing of them"
