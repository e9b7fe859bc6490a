"""What the papers of an export promise: card, citation, crate and provenance."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from datasets.export.shelves import HOSTILE_LABELS, HOSTILE_PATHS, Shelf
from prov.model import ProvDocument
from ruamel.yaml import YAML

from astrid_sdk.datasets.export.credits import Licence, Person
from astrid_sdk.datasets.export.report import Export
from astrid_sdk.datasets.export.wording import markdown, one_line, yaml
from astrid_sdk.datasets.manifest import DatasetFile

SAID: dict[str, Any] = {
    "description": "Triplets of <one> field:\n# found by *hand* & eye",
    "licence": "CC-BY-4.0",
    "creators": ("Leavitt, Henrietta (0000-0002-1825-0097)", 'The "Harvard" \\ Computers: é 星'),
    "how": "cut at every detection above 5 sigma",
}


@pytest.fixture
def files(shelf: Shelf) -> list[DatasetFile]:
    return shelf.hostile()


@pytest.fixture
def made(shelf: Shelf, files: list[DatasetFile]) -> Export:
    return shelf.export(files, "files", "parquet", **SAID)


def crate_of(made: Export) -> dict[str, dict[str, Any]]:
    """Return the crate's things by their id, after looking that none has two."""
    value = json.loads((made.folder / "ro-crate-metadata.json").read_text())
    assert value["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    things = {thing["@id"]: thing for thing in value["@graph"]}
    assert len(things) == len(value["@graph"])
    return things


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            return [value["@id"]]
        return [found for each in value.values() for found in references(each)]
    return (
        [found for each in value for found in references(each)] if isinstance(value, list) else []
    )


def test_the_crate_has_what_the_specification_requires(made: Export) -> None:
    things = crate_of(made)
    descriptor, root = things["ro-crate-metadata.json"], things["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert descriptor["about"] == {"@id": "./"}
    assert root["@type"] == "Dataset"
    assert root["name"]
    assert root["description"]
    assert datetime.fromisoformat(root["datePublished"]).tzinfo is not None
    assert things[root["license"]["@id"]]["name"] == "CC-BY-4.0"
    assert root["license"]["@id"] == "https://spdx.org/licenses/CC-BY-4.0"
    assert [things[each["@id"]]["name"] for each in root["author"]] == [
        "Leavitt, Henrietta",
        'The "Harvard" \\ Computers: é 星',
    ]
    assert root["author"][0]["@id"] == "https://orcid.org/0000-0002-1825-0097"
    assert all(isinstance(thing["@type"], str) for thing in things.values())


def test_the_crate_lists_every_file_with_its_hash_length_and_type(made: Export) -> None:
    things = crate_of(made)
    parts = [each["@id"] for each in things["./"]["hasPart"]]
    there = {
        path.relative_to(made.folder).as_posix()
        for path in made.folder.rglob("*")
        if path.is_file() and path.name != "ro-crate-metadata.json"
    }
    assert {unquote(part) for part in parts} == there
    lines = (line.split("  ", 1) for line in made.manifest.read_text().splitlines())
    sums = {path: content_hash for content_hash, path in lines}
    for part in set(parts) - {"MANIFEST.sha256"}:
        thing, path = things[part], unquote(part)
        assert thing["@type"] == "File"
        assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", part)
        assert thing["sha256"] == sums[path]
        assert thing["contentSize"] == str((made.folder / path).stat().st_size)
        assert "/" in thing["encodingFormat"]


def test_everything_that_the_crate_refers_to_is_in_it(made: Export) -> None:
    things = crate_of(made)
    outside = {"https://w3id.org/ro/crate/1.1", "http://schema.org/CompletedActionStatus"}
    assert set(references(list(things.values()))) <= set(things) | outside


def test_the_crate_tells_which_steps_made_its_files_of_what(
    shelf: Shelf, files: list[DatasetFile], made: Export
) -> None:
    things = crate_of(made)
    actions = {each["name"]: each for each in things.values() if each["@type"] == "CreateAction"}
    assert set(actions) == {"cut", "dataset_manifest"}
    cut = actions["cut"]
    assert cut["object"] == [{"@id": f"urn:astrid:sha256:{shelf.raw}"}]
    assert things[cut["object"][0]["@id"]]["name"] == "frame.fits"
    assert {unquote(each["@id"]) for each in cut["result"]} == {
        f"data/{file.path}" for file in files
    }
    assert actions["dataset_manifest"]["result"] == [{"@id": "dataset.json"}]
    assert cut["startTime"] <= cut["endTime"]
    assert things[cut["instrument"]["@id"]]["@type"] == "SoftwareApplication"
    assert {each["@id"] for each in things["./"]["mentions"]} == {
        action["@id"] for action in actions.values()
    }


def test_the_provenance_is_prov_json_of_this_version(
    shelf: Shelf, files: list[DatasetFile], made: Export
) -> None:
    text = (made.folder / "prov.json").read_text()
    ProvDocument.deserialize(content=text, format="json")
    told = json.loads(text)
    root = told["entity"][f"content:{shelf.subject(files).version.manifest_hash}"]
    assert root["astrid:datasetVersion"] == "sn-train@v1"
    assert f"content:{shelf.raw}" in told["entity"]


def test_the_citation_file_is_yaml_with_what_its_schema_requires(
    shelf: Shelf, files: list[DatasetFile], made: Export
) -> None:
    told = YAML(typ="safe").load((made.folder / "CITATION.cff").read_text())
    version = shelf.subject(files).version
    assert told["cff-version"] == "1.2.0"
    assert told["message"]
    assert (told["title"], told["type"], told["version"]) == ("sn-train", "dataset", "v1")
    assert told["date-released"] == f"{version.created_at:%Y-%m-%d}"
    assert told["abstract"] == SAID["description"]
    assert told["license"] == "CC-BY-4.0"
    assert told["authors"] == [
        {
            "family-names": "Leavitt",
            "given-names": "Henrietta",
            "orcid": "https://orcid.org/0000-0002-1825-0097",
        },
        {"name": 'The "Harvard" \\ Computers: é 星'},
    ]
    (identifier,) = told["identifiers"]
    assert identifier["value"] == f"urn:astrid:sha256:{version.manifest_hash}"


def test_the_card_answers_what_a_stranger_asks(
    made: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (made.folder / "README.md").read_text()
    for title in ("Classes", "Filters", "How it was made", "How to cite", "Licence"):
        assert f"## {title}\n" in text
    assert "CC-BY-4.0" in text
    assert "| r | 4 |" in text
    assert "| Files | 4, " in text
    assert "within 0.075 deg of RA 359.9750, Dec -1.0000" in text
    assert "sha256sum -c MANIFEST.sha256" in text
    assert "pandas.read_parquet('samples.parquet')" in text
    loading = text.partition("## How to load")[2]
    assert "tensors" not in loading
    (code,) = re.findall(r"```python\n(.*?)```", loading, re.DOTALL)
    monkeypatch.chdir(made.folder)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - what the card tells people to run


def test_a_version_of_which_nobody_said_anything_has_papers_all_the_same(shelf: Shelf) -> None:
    made = shelf.export([shelf.data(b"a", "a.csv", sources=())], "parquet")
    things = crate_of(made)
    assert things["./"]["description"] == "Version 1 of the dataset sn-train: 1 file."
    assert "ask the creators" in things["#licence"]["description"]
    text = (made.folder / "README.md").read_text()
    assert "no position is known" in text
    assert "ask the creators" in text
    told = YAML(typ="safe").load((made.folder / "CITATION.cff").read_text())
    assert "license" not in told
    assert len(told["authors"]) == 1


def test_paths_and_labels_are_no_markup_in_the_card(made: Export) -> None:
    text = (made.folder / "README.md").read_text()
    assert "<b>" not in text
    assert "<one>" not in text
    rows = text.partition("## Classes")[2].partition("## ")[0].strip().splitlines()
    assert len(rows) == 2 + len(HOSTILE_LABELS)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)
    assert "\n# found" not in text


@pytest.mark.parametrize("text", [*HOSTILE_LABELS, *HOSTILE_PATHS, "\x85\u2028\x7f\t", "a: - #'"])
def test_any_text_survives_yaml(text: str) -> None:
    assert YAML(typ="safe").load(f"a: {yaml(text)}\n") == {"a": text}


def test_markdown_shows_texts_and_obeys_none() -> None:
    assert markdown("<script>*a*_b_`c`") == r"&lt;script\>\*a\*\_b\_\`c\`"
    assert markdown("# a\n1. b\n- c\n===") == "\\# a\n1\\. b\n\\- c\n\\==="
    assert markdown("3.5 sigma, in 2024") == "3.5 sigma, in 2024"
    assert one_line("a|b\nc") == r"a\|b c"


@pytest.mark.parametrize(
    ("text", "name", "orcid"),
    [
        ("Ada Lovelace", "Ada Lovelace", ""),
        ("Ada Lovelace <https://orcid.org/0000-0002-1825-009X>", "Ada Lovelace", "X"),
        ("0000-0002-1825-0097", "0000-0002-1825-0097", "7"),
    ],
)
def test_people_may_have_an_orcid(text: str, name: str, orcid: str) -> None:
    person = Person.of(text)
    assert person.name == name
    assert person.orcid == (f"https://orcid.org/0000-0002-1825-009{orcid}" if orcid else "")


@pytest.mark.parametrize(
    ("text", "spdx", "address"),
    [
        ("cc0-1.0", "CC0-1.0", "https://spdx.org/licenses/CC0-1.0"),
        ("https://example.org/licence", "", "https://example.org/licence"),
        ("MIT OR Apache-2.0", "", ""),
        ("", "", ""),
    ],
)
def test_licences_are_known_by_their_spdx_identifier(text: str, spdx: str, address: str) -> None:
    licence = Licence.of(text)
    assert (licence.spdx, licence.address) == (spdx, address)
    assert licence.text


def test_papers_are_there_when_only_a_table_is_asked_for(shelf: Shelf) -> None:
    made = shelf.export(shelf.hostile(), "fits")
    names = {path.name for path in Path(made.folder).iterdir()}
    assert names == {
        *("CITATION.cff", "MANIFEST.sha256", "README.md", "dataset.json", "prov.json"),
        *("ro-crate-metadata.json", "samples.fits"),
    }
