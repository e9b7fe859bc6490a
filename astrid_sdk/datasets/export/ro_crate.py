"""ro-crate-metadata.json of an export (RO-Crate 1.1, https://w3id.org/ro/crate/1.1)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from astrid_sdk.canonical import canonical_json
from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.datasets.export.credits import Licence, Person
from astrid_sdk.datasets.export.listing import MANIFEST, Entry
from astrid_sdk.datasets.export.provenance import times_of
from astrid_sdk.datasets.export.subject import ExportSubject

NAME = "ro-crate-metadata.json"
_SPECIFICATION = "https://w3id.org/ro/crate/1.1"
_CONTEXT = [f"{_SPECIFICATION}/context", {"sha256": "http://schema.org/sha256"}]
_DESCRIBED = {
    "README.md": "What the dataset is, how to cite, verify and load it",
    "CITATION.cff": "How to cite it, for programs",
    "dataset.json": "The version's manifest: every file with hash, role, label and sources",
    "prov.json": "How every file was made, as W3C PROV-JSON",
    "samples.parquet": "A row per file, with units and UCDs",
    "samples.fits": "A row per file, with units and UCDs",
    "tensors.parquet": "The pixels as a column of tensors",
    "tensors.npy": "The pixels as one array",
    "tensors.index.json": "Which row of tensors.npy is which file",
}
Thing = dict[str, Any]


def crate(subject: ExportSubject, graph: LineageGraph, entries: Sequence[Entry]) -> Thing:
    """Return the crate's metadata.

    Parameters
    ----------
    subject : ExportSubject
    graph : LineageGraph
        Why the version exists.
    entries : sequence of Entry
        All files of the export but this one and the list of checksums.
    """
    actions = _Actions(graph, entries)
    made = list(actions.things())
    files = [_file(entry) for entry in entries]
    files.append(
        {"@id": MANIFEST, "@type": "File", "name": MANIFEST, "encodingFormat": "text/plain"}
    )
    people = [_person(Person.of(creator)) for creator in subject.creators]
    licence = _licence(Licence.of(subject.about.licence))
    root = _root(subject, licence, people) | {
        "hasPart": _references(files),
        "mentions": [{"@id": thing["@id"]} for thing in made if thing["@type"] == "CreateAction"],
    }
    things = [_descriptor(), root, *files, licence, *people, *made]
    return {"@context": _CONTEXT, "@graph": _each_once(things)}


def _descriptor() -> Thing:
    return {
        "@id": NAME,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _SPECIFICATION},
        "about": {"@id": "./"},
    }


def _root(subject: ExportSubject, licence: Thing, people: Sequence[Thing]) -> Thing:
    version = subject.version
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": version.name,
        "description": subject.description,
        "datePublished": version.created_at.isoformat(),
        "version": f"v{version.number}",
        "identifier": subject.identifier,
        "license": {"@id": licence["@id"]},
        "author": _references(people),
    }


def _file(entry: Entry) -> Thing:
    thing = {
        "@id": quote(entry.path, safe="/"),
        "@type": "File",
        "name": entry.path,
        "contentSize": str(entry.size_bytes),
        "encodingFormat": entry.media_type,
        "sha256": entry.content_hash,
    }
    described = _DESCRIBED.get(entry.path)
    return thing | ({"description": described} if described else {})


def _person(person: Person) -> Thing:
    thing: Thing = {"@id": person.identifier, "@type": "Person", "name": person.name}
    if person.names is not None:
        thing["familyName"], thing["givenName"] = person.names
    return thing


def _licence(licence: Licence) -> Thing:
    thing = {
        "@id": licence.address or "#licence",
        "@type": "CreativeWork",
        "name": licence.spdx or licence.text,
        "description": licence.text,
    }
    return thing | ({"identifier": licence.spdx} if licence.spdx else {})


class _Actions:
    """The derivations that made files of the export, and what they are told with."""

    def __init__(self, graph: LineageGraph, entries: Iterable[Entry]) -> None:
        graph.derivations.load(graph.derivations)
        self._graph = graph
        self._paths: dict[str, str] = {}
        for entry in entries:
            self._paths.setdefault(entry.content_hash, quote(entry.path, safe="/"))

    def things(self) -> Iterator[Thing]:
        """Yield each action, followed by what it names that is no file of the export."""
        for key in sorted(self._graph.derivations):
            made = self._graph.derivations[key]
            result = [each for each in made.outputs if each.content_hash in self._paths]
            if result:
                yield from self._action(made, [each.content_hash for each in result])

    def _action(self, made: Derivation, result: Sequence[str]) -> Iterator[Thing]:
        start, end = times_of(made)
        used = dict.fromkeys(source for hashes in made.inputs.values() for source in hashes)
        step = _step(made)
        authors = sorted({self._graph.nodes[each].author for each in result} - {""})
        people = [_person(Person.of(author)) for author in authors]
        yield {
            "@id": f"#derivation-{made.key}",
            "@type": "CreateAction",
            "name": made.step,
            "instrument": {"@id": step["@id"]},
            "object": [{"@id": self._named(source)} for source in used],
            "result": [{"@id": self._named(each)} for each in result],
            "agent": _references(people),
            "startTime": start,
            "endTime": end,
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
            "description": f"parameters: {_short(made)}",
        }
        yield step
        yield from people
        yield from (self._elsewhere(source) for source in used if source not in self._paths)

    def _named(self, content_hash: str) -> str:
        return self._paths.get(content_hash) or f"urn:astrid:sha256:{content_hash}"

    def _elsewhere(self, content_hash: str) -> Thing:
        node = self._graph.nodes.get(content_hash)
        return {
            "@id": self._named(content_hash),
            "@type": "CreativeWork",
            "name": node.name if node else content_hash,
            "sha256": content_hash,
        }


def _step(made: Derivation) -> Thing:
    return {
        "@id": f"#step-{quote(made.step, safe='')}-{made.code_version[:16]}",
        "@type": "SoftwareApplication",
        "name": made.step,
        "softwareVersion": made.code_version,
    }


def _short(made: Derivation) -> str:
    """Return the parameters; a manifest among them stands in dataset.json already."""
    told = {name: value for name, value in made.parameters.items() if name != "manifest"}
    return canonical_json(told).decode("ascii")


def _references(things: Iterable[Thing]) -> list[Thing]:
    return [{"@id": thing["@id"]} for thing in things]


def _each_once(things: Iterable[Thing]) -> list[Thing]:
    first: dict[str, Thing] = {}
    for thing in things:
        first.setdefault(thing["@id"], thing)
    return list(first.values())
