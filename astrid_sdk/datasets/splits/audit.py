"""The audit of a split, whoever made it: what is on one side must not be known on another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.roles import TRIPLET, role_of
from astrid_sdk.datasets.splits.building import AncestryOf, ties_of
from astrid_sdk.datasets.splits.copies import Copies
from astrid_sdk.datasets.splits.leaks import Leak, LeakageReport, LeakKind, in_order
from astrid_sdk.datasets.splits.nearness import UNKNOWN, nearest
from astrid_sdk.datasets.splits.rules import RADIUS_ARCSEC
from astrid_sdk.datasets.splits.sharing import SharedTie, allowed_ties, samples_below, shared_ties
from astrid_sdk.datasets.splits.ties import TieKind, Ties, unplaced
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits splits of what one store holds.

    Parameters
    ----------
    ancestry_of : callable
    cas : ContentAddressedStorage
    """

    ancestry_of: AncestryOf
    cas: ContentAddressedStorage

    def report(
        self,
        sides: Mapping[str, Sequence[DatasetFile]],
        *,
        shared_steps: Sequence[str] = (),
        radius_arcsec: float = RADIUS_ARCSEC,
        pixels: bool = True,
    ) -> LeakageReport:
        """Return what leaks between the sides.

        Parameters
        ----------
        sides : mapping of str to sequence of DatasetFile
        shared_steps : sequence of str
            Steps whose outputs may be behind several sides; what is, is listed.
        radius_arcsec : float
            Samples of two sides that are nearer leak.
        pixels : bool
            Read every sample and look for copies: turned, mirrored, scaled, or with another
            header.
        """
        files = [
            (replace(file, path=f"{side}\0{number:09d}\0{file.path}"), side)
            for side, found in sides.items()
            for number, file in enumerate(found)
        ]
        ties = ties_of([file for file, _ in files], self.ancestry_of, shared_steps)
        return _Audit(ties, tuple(sides)).report(radius_arcsec, self.cas if pixels else None)


class _Audit:
    """One audit; the paths of the samples begin with their side."""

    def __init__(self, ties: Ties, names: Sequence[str]) -> None:
        marked = [sample.path.split("\0", 2) for sample in ties.samples]
        plain = (
            replace(sample, path=path or sample.content_hash)
            for sample, (_, _, path) in zip(ties.samples, marked, strict=True)
        )
        self._ties = replace(ties, samples=tuple(plain))
        self._names = names
        number = {name: place for place, name in enumerate(names)}
        self._side = np.array([number[side] for side, _, _ in marked], np.int64)
        self._tied = np.zeros(len(ties.samples), np.bool_)

    def report(self, radius_arcsec: float, cas: ContentAddressedStorage | None) -> LeakageReport:
        leaks = [*self._by_lineage(), *self._by_position(radius_arcsec)]
        notes = list(unplaced(self._ties))
        if cas is not None:
            copies = Copies(cas)
            leaks += self._by_pixels(copies)
            notes += [
                f"pixels of {copies.unread} contents say too little, or are no FITS images"
            ] * (copies.unread > 0)
        else:
            notes.append("pixels were not compared")
        sizes = np.bincount(self._side, minlength=len(self._names)).tolist()
        return LeakageReport(
            leaks=in_order(leaks),
            sizes=dict(zip(self._names, sizes, strict=True)),
            tied=int(self._tied.sum()),
            allowed=tuple(allowed_ties(self._ties, self._side)),
            notes=tuple(notes),
        )

    def _by_lineage(self) -> Iterator[Leak]:
        shared = shared_ties(self._ties, self._side, len(self._names))
        nodes = np.array([it.node for it in shared], np.int64)
        self._tied |= samples_below(self._ties, nodes)
        own = self._own_sides()
        kinds = self._kind_of(own)
        for it in shared:
            yield self._leak(kinds(it), it.tie.words(), it.tie.name, it.examples)

    def _own_sides(self) -> dict[int, set[int]]:
        """Return the sides of the samples of each content, by its node."""
        count = len(self._ties.samples)
        found: dict[int, set[int]] = {}
        for child, parent in zip(self._ties.child[:count], self._ties.parent[:count], strict=True):
            found.setdefault(int(parent), set()).add(int(self._side[child]))
        return found

    def _kind_of(self, own: Mapping[int, set[int]]) -> Callable[[SharedTie], LeakKind]:
        def kind(shared: SharedTie) -> LeakKind:
            if len(own.get(shared.node, ())) >= _SEVERAL:
                return LeakKind.CONTENT
            if shared.node in own or role_of(shared.tie.role) == TRIPLET:
                return LeakKind.AUGMENTATION
            is_exposure = shared.tie.kind is TieKind.EXPOSURE
            return LeakKind.EXPOSURE if is_exposure else LeakKind.ANCESTOR

        return kind

    def _by_position(self, radius_arcsec: float) -> Iterator[Leak]:
        """Yield for each sample the nearest one of every later side."""
        positions = self._ties.positions
        for number in range(len(self._names)):
            for other in range(number + 1, len(self._names)):
                ours, theirs = (np.flatnonzero(self._side == it) for it in (number, other))
                place, apart = nearest(positions[ours], positions[theirs], radius_arcsec)
                near = np.flatnonzero(place != UNKNOWN)
                self._tied[ours[near]] = True
                self._tied[theirs[place[near]]] = True
                for it in near.tolist():
                    pair = ((number, int(ours[it])), (other, int(theirs[place[it]])))
                    yield self._leak(LeakKind.POSITION, f"{apart[it]:.2f} arcsec apart", "", pair)

    def _by_pixels(self, copies: Copies) -> list[Leak]:
        return copies.leaks(self._ties.samples, self._side, self._names)

    def _leak(self, kind: LeakKind, by: str, tie: str, examples: Sequence[tuple[int, int]]) -> Leak:
        (side, sample), (other_side, other) = examples[:_SEVERAL]
        samples = self._ties.samples
        return Leak(
            kind=kind,
            by=by,
            tie=tie,
            side=self._names[side],
            sample=samples[sample],
            other_side=self._names[other_side],
            other_sample=samples[other],
        )
