"""What one tier holds for one partition: the list an asset materialises, as immutable JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from astrid_sdk.canonical import canonical_json
from astrid_sdk.formats import read_versioned
from astrid_sdk.sky.summary import Summary

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Item:
    """One content in a manifest.

    Attributes
    ----------
    content_hash : str
    tier : str
    name : str
        What people call the observation it belongs to.
    summary : Summary
        What the raw observation says of itself.
    raw_hash : str
        The raw observation it goes back to; "" where there are several.
    purpose : str
        ``"science"`` or ``"reference"``.
    details : mapping
        Numbers and further content hashes (keys end in ``_hash``), by name.
    """

    content_hash: str
    tier: str
    name: str
    summary: Summary
    raw_hash: str = ""
    purpose: str = "science"
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skip:
    """Something left out, and why."""

    name: str
    reason: str
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an asset made for one partition.

    Attributes
    ----------
    asset : str
    partition : str
        A night, or "" for an asset without partitions.
    items : sequence of Item
    skipped : sequence of Skip
    notes : sequence of str
        What an operator should know, such as why there are no items.
    """

    asset: str
    partition: str
    items: Sequence[Item] = ()
    skipped: Sequence[Skip] = ()
    notes: Sequence[str] = ()

    def to_bytes(self) -> bytes:
        """Return the manifest as canonical JSON."""
        return canonical_json(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values."""
        return {
            "format_version": FORMAT_VERSION,
            "asset": self.asset,
            "partition": self.partition,
            "items": [_item_to_json(item) for item in self.items],
            "skipped": [asdict(skip) for skip in self.skipped],
            "notes": list(self.notes),
        }

    @classmethod
    def from_bytes(cls, content: bytes) -> "Manifest":
        """Return the manifest that `to_bytes` wrote.

        Raises
        ------
        InvalidInputError
            It is of a later format version.
        """
        value = read_versioned(content, FORMAT_VERSION, "a manifest")
        return cls(
            asset=value["asset"],
            partition=value["partition"],
            items=tuple(_item_from_json(item) for item in value["items"]),
            skipped=tuple(Skip(**skip) for skip in value["skipped"]),
            notes=tuple(value["notes"]),
        )


def _item_to_json(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__slots__} | {
        "summary": item.summary.to_json()
    }


def _item_from_json(value: Mapping[str, Any]) -> Item:
    return Item(**{**value, "summary": Summary.from_json(value["summary"])})
