"""How to cite a dataset version: a sentence, and CITATION.cff (https://citation-file-format.github.io)."""

from collections.abc import Iterator

from astrid_sdk.datasets.export.credits import Licence, Person
from astrid_sdk.datasets.export.subject import ExportSubject
from astrid_sdk.datasets.export.wording import yaml


def citation(subject: ExportSubject) -> str:
    """Return the sentence that a paper's list of references would have."""
    version = subject.version
    people = "; ".join(Person.of(creator).name for creator in subject.creators)
    return (
        f"{people} ({version.created_at:%Y}): {version.dataset_id}, version {version.number} "
        f"[Data set]. {subject.identifier}"
    )


def citation_cff(subject: ExportSubject) -> str:
    """Return the content of CITATION.cff, version 1.2.0."""
    return "".join(f"{line}\n" for line in _lines(subject))


def _lines(subject: ExportSubject) -> Iterator[str]:
    version = subject.version
    licence = Licence.of(subject.about.licence)
    yield "cff-version: 1.2.0"
    yield f"message: {yaml('If you use this dataset, please cite it as below.')}"
    yield "type: dataset"
    yield f"title: {yaml(version.dataset_id)}"
    yield f"version: {yaml(f'v{version.number}')}"
    yield f"date-released: {yaml(f'{version.created_at:%Y-%m-%d}')}"
    yield f"abstract: {yaml(subject.description)}"
    yield "authors:"
    for creator in subject.creators:
        yield from _author(Person.of(creator))
    if licence.spdx:
        yield f"license: {yaml(licence.spdx)}"
    elif licence.address:
        yield f"license-url: {yaml(licence.address)}"
    yield "identifiers:"
    yield "  - type: other"
    yield f"    value: {yaml(subject.identifier)}"
    yield f"    description: {yaml('SHA-256 of dataset.json, which names every file by its own')}"


def _author(person: Person) -> Iterator[str]:
    if person.names is None:
        yield f"  - name: {yaml(person.name)}"
    else:
        family, given = person.names
        yield f"  - family-names: {yaml(family)}"
        yield f"    given-names: {yaml(given)}"
    if person.orcid:
        yield f"    orcid: {yaml(person.orcid)}"
