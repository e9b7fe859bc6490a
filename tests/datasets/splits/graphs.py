"""Lineages in memory: what was made of what, asked as the catalogue is, and judged plainly."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.lineage.ancestry import Ancestry
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.splits.building import ties_of
from astrid_sdk.datasets.splits.rules import SplitRules
from astrid_sdk.datasets.splits.samples import samples_of
from astrid_sdk.datasets.splits.split import Split
from astrid_sdk.datasets.splits.splitting import split_of
from astrid_sdk.sky.footprint import separation_deg

MANIFEST = "m" * 64


def named(word: object) -> str:
    return sha256_hex(str(word).encode())


@dataclass
class Graph:
    """Contents by word: each is made by a step of others, or came from outside."""

    made: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    exposures: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)

    def make(self, word: str, step: str, *inputs: str) -> str:
        self.made[word] = (step, inputs)
        return word

    def above(self, word: str, shared: Collection[str] = ()) -> set[str]:
        """Return a content and what it was made from, not through what `shared` steps made."""
        found, waiting = {word}, [word]
        while waiting:
            _, inputs = self.made.get(waiting.pop(), ("", ()))
            fresh = {it for it in inputs if it not in found and self.step(it) not in shared}
            found |= fresh
            waiting.extend(fresh)
        return found

    def step(self, word: str) -> str:
        return self.made.get(word, ("", ()))[0]

    def ancestry(self, hashes: Sequence[str]) -> Ancestry:
        """Answer as the catalogue does."""
        words = {named(word): word for word in (*self.made, *self._inputs(), *self.exposures)}
        asked = [words[it] for it in hashes if it in words]
        met = {named(word) for start in asked for word in self.above(start)} | set(hashes)
        contents = sorted(met)
        node = {content: number for number, content in enumerate(contents)}
        known = [words.get(content, "") for content in contents]
        edges: list[tuple[int, int]] = []
        makers: dict[tuple[str, tuple[str, ...]], int] = {}
        for number, word in enumerate(known):
            made = self.made.get(word, ("", ()))
            if made[1]:
                maker = makers.setdefault(made, len(contents) + len(makers))
                edges.append((number, maker))
                edges.extend((maker, node[named(it)]) for it in made[1])
        child, parent = np.array(sorted(set(edges)), np.int64).reshape(-1, 2).T
        return Ancestry(
            hashes=tuple(contents),
            child=child,
            parent=parent,
            steps=tuple(self.step(word) for word in known),
            names=tuple(known),
            roles=tuple(self.roles.get(word, "") for word in known),
            positions=np.full((len(contents), 2), np.nan),
            observations=tuple(
                (number, self.exposures[word])
                for number, word in enumerate(known)
                if word in self.exposures
            ),
        )

    def _inputs(self) -> Iterator[str]:
        return (word for _, inputs in self.made.values() for word in inputs)


@dataclass(frozen=True)
class Place:
    """A sample of a graph: its content, its label, where it is."""

    word: str
    label: str | None = None
    position: tuple[float, float] | None = None


def manifest_of(
    places: Sequence[Place], sources: Mapping[str, str] | None = None
) -> DatasetManifest:
    files = [
        DatasetFile(
            named(it.word),
            f"{number:04d}-{it.word}.fits",
            "detections",
            "triplet",
            it.label,
            sources=(named(sources[it.word]),) if sources and it.word in sources else (),
            ra_deg=it.position[0] if it.position else None,
            dec_deg=it.position[1] if it.position else None,
        )
        for number, it in enumerate(places)
    ]
    return DatasetManifest("sn-train", files)


def split(
    graph: Graph, places: Sequence[Place], fractions: Mapping[str, float], **rules: object
) -> Split:
    return split_manifest(graph, manifest_of(places), fractions, **rules)


def split_manifest(
    graph: Graph, manifest: DatasetManifest, fractions: Mapping[str, float], **rules: object
) -> Split:
    asked = SplitRules.of(fractions, **rules)
    ties = ties_of(samples_of(manifest, asked.roles), graph.ancestry, asked.shared_steps)
    return split_of(ties, asked, manifest.dataset_id, MANIFEST)


def leaks(graph: Graph, places: Sequence[Place], made: Split) -> list[str]:
    """Return what two samples of different sides share, each pair looked at."""
    side = made.side_by_path
    on_side = [
        (side[file.path], place)
        for file, place in zip(manifest_of(places).files, places, strict=True)
        if file.path in side
    ]
    return [
        f"{one.word} {other.word}"
        for (here, one), (there, other) in combinations(on_side, 2)
        if here != there and tied(graph, one, other, made.rules)
    ]


def tied(graph: Graph, one: Place, other: Place, rules: SplitRules) -> bool:
    if one.word == other.word:
        return True
    if "lineage" in rules.group_by:
        ours, theirs = (graph.above(it.word, rules.shared_steps) for it in (one, other))
        exposures = [
            {graph.exposures[it] for it in up if it in graph.exposures} for up in (ours, theirs)
        ]
        if ours & theirs or exposures[0] & exposures[1]:
            return True
    if "sky" not in rules.group_by or one.position is None or other.position is None:
        return False
    apart = separation_deg(*one.position, *other.position)
    return bool(apart * 3600 <= rules.radius_arcsec)


def survey(
    frames: int, stars: int, *, template: bool = False, pattern: bool = False, spread: float = 1.0
) -> tuple[Graph, list[Place]]:
    """Return frames that show the same stars, each star cut out of each frame.

    Parameters
    ----------
    template, pattern : bool
        Whether all frames share a template, or a fixed pattern made of all of them.
    spread : float
        Degrees between neighbouring stars.
    """
    graph = Graph()
    places = []
    raws = [f"raw-{frame}" for frame in range(frames)]
    if pattern:
        graph.make("pattern", "pattern", *raws)
    if template:
        graph.make("template", "coadd", "old-1", "old-2")
    for frame, raw in enumerate(raws):
        graph.exposures[raw] = f"camera.{frame}"
        processed = graph.make(f"processed-{frame}", "calibrate", raw, *["pattern"] * pattern)
        difference = graph.make(
            f"difference-{frame}", "subtract", processed, *["template"] * template
        )
        for star in range(stars):
            word = graph.make(f"triplet-{frame}-{star}", "detect", difference, processed)
            label = "real" if (star + frame) % 3 else "bogus"
            places.append(Place(word, label, (10 + star * spread, 5.0)))
    return graph, places
