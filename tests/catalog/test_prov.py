"""What the PROV-JSON of a lineage promises."""

import json
from pathlib import Path
from typing import Any

import pytest
from catalog.lineages import impact, join, join_roles, raw, why
from prov.model import ProvDocument
from stores import Bench, local_store

from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.catalog.statements import say_excluded


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def lineage(bench: Bench) -> tuple[str, str, str]:
    """Return a raw content, what was made of it, and what was made of that."""
    a = raw(bench, b"a")
    b = join_roles(bench, {"science": [a], "reference": [raw(bench, b"b")]}, "b")
    return a, b, join(bench, [b], "c", tail="!")


def test_the_prov_library_reads_it_and_writes_the_same(bench: Bench) -> None:
    a, _, c = lineage(bench)
    for graph in (why(bench, c), impact(bench, a)):
        document = ProvDocument.deserialize(content=json.dumps(graph.to_prov()), format="json")
        again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
        assert document == again
        assert f"content:{a}" in document.get_provn()


def test_it_says_who_used_what_as_what_and_when(bench: Bench) -> None:
    a, b, c = lineage(bench)
    graph = why(bench, c)
    told = graph.to_prov()
    made = graph.derivations[graph.nodes[b].derivation_key]
    activity = told["activity"][f"derivation:{made.key}"]
    assert activity["prov:endTime"] == made.created_at.isoformat()
    assert activity["prov:startTime"] <= activity["prov:endTime"]
    assert {
        "prov:activity": f"derivation:{made.key}",
        "prov:entity": f"content:{a}",
        "prov:role": "science",
    } in told["used"].values()
    generated = of(told, "wasGeneratedBy", "prov:entity", b)
    assert [each["prov:activity"] for each in generated] == [f"derivation:{made.key}"]
    assert len(told["wasDerivedFrom"]) == 3
    assert {each["prov:activity"] for each in told["wasAssociatedWith"].values()} == {
        f"derivation:{key}" for key in graph.derivations
    }


def test_origins_and_exclusions_are_told(bench: Bench) -> None:
    a, _, c = lineage(bench)
    say_excluded(bench.records, find_one(bench.catalog, a), "trailed")
    bench.catalog.refresh()
    entity = why(bench, c).to_prov()["entity"][f"content:{a}"]
    assert entity["prov:location"] == "data:a.raw"
    assert entity["astrid:excluded"] == "trailed"
    assert entity["prov:type"] == "astrid:raw"


def of(told: dict[str, Any], relation: str, end: str, content_hash: str) -> list[dict[str, Any]]:
    return [each for each in told[relation].values() if each[end] == f"content:{content_hash}"]
