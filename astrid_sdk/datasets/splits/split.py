"""A split of a dataset version: which sample is on which side, and what is held out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from astrid_sdk.canonical import canonical_json, sha256_hex
from astrid_sdk.datasets.splits.rules import HELD_OUT, SplitRules
from astrid_sdk.datasets.splits.ties import Sample, Tie, allowed_lines
from astrid_sdk.formats import read_versioned
from astrid_sdk.rendering import html_table

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

FORMAT_VERSION = 1
_UNLABELLED = "(no label)"
_SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A sample on no side: it would tie two sides, as `reason` says."""

    path: str
    content_hash: str
    label: str | None
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Split:
    """Samples of a dataset version on sides that share nothing.

    Attributes
    ----------
    dataset_id : str
    manifest_hash : str
        The version that was split.
    rules : SplitRules
        What was asked: fractions, seed, what holds samples together.
    samples : mapping of str to tuple of Sample
        By side; each with path, content hash and label.
    held_out_conflict : tuple of HeldOut
        Samples that would tie two sides, each with the reason.
    groups : int
        How many groups of samples had nothing to do with each other.
    allowed : tuple of Tie
        Contents behind several sides that `shared_steps` allowed to be.
    notes : tuple of str
        What could not be balanced, or not be told apart, in sentences.
    """

    dataset_id: str
    manifest_hash: str
    rules: SplitRules
    samples: Mapping[str, tuple[Sample, ...]]
    held_out_conflict: tuple[HeldOut, ...] = ()
    groups: int = 0
    allowed: tuple[Tie, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sides(self) -> dict[str, tuple[str, ...]]:
        """Paths of the samples, by side."""
        return {
            side: tuple(sample.path for sample in found) for side, found in self.samples.items()
        }

    @property
    def side_by_path(self) -> dict[str, str]:
        """The side of each sample by its path; what is held out is absent."""
        return {path: side for side, paths in self.sides.items() for path in paths}

    @property
    def seed(self) -> int:
        """The seed it was made with."""
        return self.rules.seed

    @property
    def content_hash(self) -> str:
        """What it is: the hash of its bytes, under which it is stored."""
        return sha256_hex(self.to_bytes())

    @property
    def fractions(self) -> dict[str, float]:
        """The share of each side among the samples that are on one."""
        total = sum(map(len, self.samples.values()))
        return {side: len(found) / max(total, 1) for side, found in self.samples.items()}

    @property
    def balance(self) -> dict[str, dict[str, int]]:
        """How many samples of each label every side has, and how many are held out."""
        found = {
            side: Counter(sample.label for sample in samples)
            for side, samples in self.samples.items()
        }
        found[HELD_OUT] = Counter(held.label for held in self.held_out_conflict)
        labels = sorted({label for counted in found.values() for label in counted}, key=str)
        return {
            side: {_UNLABELLED if label is None else label: counted[label] for label in labels}
            for side, counted in found.items()
        }

    @property
    def report(self) -> str:
        """What came of what was asked, in sentences: fractions, classes, what is held out."""
        return "\n".join(self._lines())

    def hashes(self, side: str) -> tuple[str, ...]:
        """Return the content hashes of the samples on `side`."""
        return tuple(sample.content_hash for sample in self.samples[side])

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per sample: path, content_hash, label, side, and why it is held out."""
        import pandas as pd  # noqa: PLC0415 - it takes a second to import

        rows = [
            (*sample.told(), side, "") for side, found in self.samples.items() for sample in found
        ]
        rows += [
            (held.path, held.content_hash, held.label, HELD_OUT, held.reason)
            for held in self.held_out_conflict
        ]
        return pd.DataFrame(rows, columns=["path", "content_hash", "label", "side", "reason"])

    def to_json(self) -> dict[str, Any]:
        """Return the split as plain JSON values."""
        return {
            "format_version": FORMAT_VERSION,
            "dataset_id": self.dataset_id,
            "manifest_hash": self.manifest_hash,
            "rules": self.rules.to_json(),
            "samples": [
                [side, [sample.told() for sample in found]] for side, found in self.samples.items()
            ],
            HELD_OUT: [astuple(held) for held in self.held_out_conflict],
            "groups": self.groups,
            "allowed": [tie.told() for tie in self.allowed],
            "notes": list(self.notes),
        }

    def to_bytes(self) -> bytes:
        """Return the split as canonical JSON."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Split":
        """Return the split that `to_json` gave.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        return cls.from_bytes(canonical_json(value))

    @classmethod
    def from_bytes(cls, content: bytes) -> "Split":
        """Return the split that `to_bytes` wrote.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        value = read_versioned(content, FORMAT_VERSION, "a split")
        return cls(
            dataset_id=value["dataset_id"],
            manifest_hash=value["manifest_hash"],
            rules=SplitRules.from_json(value["rules"]),
            samples={
                side: tuple(Sample(*sample) for sample in found) for side, found in value["samples"]
            },
            held_out_conflict=tuple(HeldOut(*held) for held in value[HELD_OUT]),
            groups=value["groups"],
            allowed=tuple(Tie.of(told) for told in value["allowed"]),
            notes=tuple(value["notes"]),
        )

    @override
    def __str__(self) -> str:
        return self.report

    @override
    def __repr__(self) -> str:
        return f"<{self.report}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from html import escape  # noqa: PLC0415 - only here

        head, *more = self._lines()
        labels = next(iter(self.balance.values()))
        table = html_table(("side", "samples", "share", *labels), self._cells())
        below = "".join(f"<p>{escape(line)}</p>" for line in more[len(self.rules.sides) :])
        page = f"<p><b>{escape(head)}</b></p>{table}{below}"
        return {"text/plain": repr(self), "text/html": page}

    def _cells(self) -> Iterator[tuple[object, ...]]:
        fractions = self.fractions
        for side, counted in self.balance.items():
            share = f"{fractions[side]:.3f}" if side in fractions else ""
            yield (side, sum(counted.values()), share, *counted.values())

    def _lines(self) -> Iterator[str]:
        total = sum(map(len, self.samples.values()))
        yield (
            f"split of {self.dataset_id}@{self.manifest_hash[:8]}: {total} samples in "
            f"{self.groups} group{'' if self.groups == 1 else 's'}, seed {self.rules.seed}"
        )
        for side, share in self.fractions.items():
            counted = self.balance[side]
            classes = ", ".join(f"{count} {label}" for label, count in counted.items())
            asked = self.rules.fractions[side]
            yield f"{side}: {len(self.samples[side])}, {share:.3f} of {asked:.3f} ({classes})"
        if self.held_out_conflict:
            yield from _held_lines(self.held_out_conflict)
        yield from allowed_lines(self.allowed)
        yield from self.notes


def _held_lines(held: Sequence[HeldOut]) -> Iterator[str]:
    yield f"held out, for they would tie two sides: {len(held)}"
    yield from (f"  {it.path}: {it.reason}" for it in held[:_SHOWN_REASONS])
    if len(held) > _SHOWN_REASONS:
        yield f"  and {len(held) - _SHOWN_REASONS} more in held_out_conflict"
