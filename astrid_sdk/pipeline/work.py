"""One asset's run for one partition: what it keeps and skips, and what that took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from astrid_sdk.catalog.steps.derivations import Derivation, Derivations
from astrid_sdk.catalog.steps.step import REJECTED, Step
from astrid_sdk.pipeline.manifest import Item, Manifest, Skip
from astrid_sdk.pipeline.steps import collect
from astrid_sdk.sky.summary import Summary


@dataclass(frozen=True, slots=True)
class Materialised:
    """A manifest that is stored, and what it took.

    Attributes
    ----------
    manifest : Manifest
    content_hash : str
        Of the stored manifest: the asset's data version.
    executed, reused : int
        Derivations computed now, and found done.
    """

    manifest: Manifest
    content_hash: str
    executed: int
    reused: int


class Work:
    """One asset's run for one partition: what it keeps, what it skips, what it took.

    Parameters
    ----------
    derivations : Derivations
    asset : str
    partition : str
        A night, or "" for an asset without partitions.
    """

    def __init__(self, derivations: Derivations, asset: str, partition: str = "") -> None:
        self.items: list[Item] = []
        self.skipped: list[Skip] = []
        self.notes: list[str] = []
        self._derivations = derivations
        self._asset = asset
        self._partition = partition
        self._executed = 0
        self._reused = 0

    def derive(
        self,
        step: Step,
        inputs: Mapping[str, Sequence[str]],
        subject: Item,
        parameters: Mapping[str, Any] | None = None,
    ) -> Derivation:
        """Return the derivation for a subject: its outputs are called after it."""
        return self.derived(step, inputs, parameters or {}, subject.name, subject.summary)

    def derive_or_skip(
        self,
        step: Step,
        inputs: Mapping[str, Sequence[str]],
        subject: Item,
        parameters: Mapping[str, Any] | None = None,
    ) -> Derivation | None:
        """Return the derivation; None, and `subject` skipped with the reason, where refused."""
        made = self.derive(step, inputs, subject, parameters)
        if not made.refusal:
            return made
        self.skip(subject.name, made.refusal, subject.raw_hash)
        return None

    def skip(self, name: str, reason: str, content_hash: str) -> None:
        """Leave something out, and say why."""
        self.skipped.append(Skip(name, reason, content_hash))

    def keep(
        self,
        made: Derivation,
        role: str,
        source: Item,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Add the output called `role` as what became of `source`."""
        output = made.output(role)
        facts = {key: value for key, value in made.facts.items() if key != REJECTED}
        item = replace(
            source,
            content_hash=output.content_hash,
            tier=output.tier.value,
            details={**facts, **(details or {})},
        )
        self.items.append(item)

    def collect(self) -> Materialised:
        """Store the manifest."""
        manifest = Manifest(
            self._asset,
            self._partition,
            tuple(self.items),
            tuple(self.skipped),
            tuple(self.notes),
        )
        name = "/".join(part for part in (self._partition, self._asset) if part)
        hashes = sorted({item.content_hash for item in self.items})
        made = self.derived(collect.STEP, {"items": hashes}, {"manifest": manifest.to_json()}, name)
        content_hash = made.output("manifest").content_hash
        return Materialised(manifest, content_hash, self._executed, self._reused)

    def derived(
        self,
        step: Step,
        inputs: Mapping[str, Sequence[str]],
        parameters: Mapping[str, Any],
        name: str,
        subject: Summary | None = None,
    ) -> Derivation:
        """Return the derivation, counted as computed now or found done."""
        made = self._derivations.derive(step, inputs, parameters, name=name, subject=subject)
        self._executed += not made.reused
        self._reused += made.reused
        return made
