"""From files of a dataset to what ties them: the lineage is asked once for all of them."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from astrid_sdk.catalog.lineage.ancestry import Ancestry
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.splits.ties import Floats, Numbers, Sample, Tie, TieKind, Ties

AncestryOf = Callable[[Sequence[str]], Ancestry]
"""Returns the graph above contents: `Lineages.ancestry`."""

_Edges = tuple[Numbers, Numbers]


def ties_of(
    files: Sequence[DatasetFile], ancestry_of: AncestryOf, shared_steps: Sequence[str] = ()
) -> Ties:
    """Return what ties `files` together.

    What the manifest calls the sources of a file counts where the lineage knows nothing above
    that file, as of an imported one; where it does, the lineage also says through which steps.

    Parameters
    ----------
    files : sequence of DatasetFile
    ancestry_of : callable
    shared_steps : sequence of str
        Edges to what these steps made are not strict.
    """
    files = sorted(files, key=lambda file: file.path)
    sources = [source for file in files for source in file.sources]
    graph = ancestry_of([*(file.content_hash for file in files), *sources])
    node = {content_hash: number for number, content_hash in enumerate(graph.hashes)}
    inner = [np.stack(pair) for pair in _inner_edges(graph)]
    own = np.array([node[file.content_hash] for file in files], np.int64)
    child, parent = np.concatenate(inner, axis=1)
    told = list(_told_edges(files, graph, node))
    outer = np.array(told, np.int64).reshape(-1, 2).T
    return Ties(
        samples=tuple(Sample(file.path, file.content_hash, file.label) for file in files),
        positions=_positions(files, graph, own),
        ties=tuple(_ties(graph)),
        child=np.concatenate([np.arange(len(files)), outer[0], child + len(files)]),
        parent=np.concatenate([own, outer[1], parent]) + len(files),
        strict=np.concatenate(
            [np.ones(len(files) + len(told), np.bool_), _is_strict(graph, inner, shared_steps)]
        ),
    )


def _ties(graph: Ancestry) -> Iterator[Tie]:
    """Yield the contents, the derivations and the exposures."""
    columns = (graph.hashes, graph.names, graph.steps, graph.roles)
    for content in zip(*columns, strict=True):
        yield Tie(TieKind.CONTENT, *content)
    yield from (Tie(TieKind.DERIVATION) for _ in range(_derivations(graph)))
    yield from (Tie(TieKind.EXPOSURE, name) for name in _exposures(graph))


def _derivations(graph: Ancestry) -> int:
    last = int(max(graph.child.max(initial=-1), graph.parent.max(initial=-1)))
    return max(last + 1 - len(graph.hashes), 0)


def _exposures(graph: Ancestry) -> list[str]:
    return sorted({name for _, name in graph.observations})


def _inner_edges(graph: Ancestry) -> tuple[_Edges, _Edges]:
    """Return the edges of the lineage, and those from contents to their exposures."""
    first = len(graph.hashes) + _derivations(graph)
    place = {name: first + number for number, name in enumerate(_exposures(graph))}
    pairs = [(content, place[name]) for content, name in graph.observations]
    content, exposure = np.array(pairs, np.int64).reshape(-1, 2).T
    return (graph.child, graph.parent), (content, exposure)


def _told_edges(
    files: Sequence[DatasetFile], graph: Ancestry, node: dict[str, int]
) -> Iterator[tuple[int, int]]:
    """Yield samples and the sources that only the manifest tells of."""
    for number, file in enumerate(files):
        if not graph.steps[node[file.content_hash]]:
            yield from ((number, node[source]) for source in file.sources)


def _is_strict(
    graph: Ancestry, inner: Sequence[Numbers], shared_steps: Sequence[str]
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    is_shared = np.isin(np.array(graph.steps, np.str_), list(shared_steps))
    (_, parent), exposures = inner
    is_content = parent < len(graph.hashes)
    strict = np.ones(len(parent) + exposures.shape[1], np.bool_)
    strict[np.flatnonzero(is_content)] = ~is_shared[parent[is_content]]
    return strict


def _positions(files: Sequence[DatasetFile], graph: Ancestry, own: Numbers) -> Floats:
    """Return where the samples are: as the manifest says, else as the catalogue does."""
    told = [(file.ra_deg, file.dec_deg) for file in files]
    given = np.array(told, np.float64).reshape(-1, 2)
    return np.where(np.isnan(given), graph.positions[own], given)
