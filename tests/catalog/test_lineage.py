"""What the question why promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from stores import Bench, local_store

from astrid_sdk.catalog.lineage import why
from astrid_sdk.catalog.step import Inputs, Output, Result, Step
from astrid_sdk.errors import NotFoundError
from astrid_sdk.tiers import Tier

MEDIA = "text/plain"


def _join(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    data = b"".join(inputs.read_all("text")) + parameters.get("tail", "").encode()
    return Result([Output("text", data, MEDIA, ".txt")])


JOIN = Step("join", _join, Tier.ARTIFACTS)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(local_store(tmp_path / "store"))


def raw(bench: Bench, text: bytes) -> str:
    return bench.cas.store_data(text, MEDIA, tier="raw-observations", name=f"{text.decode()}.raw")


def join(bench: Bench, hashes: list[str], name: str, **parameters: Any) -> str:
    made = bench.derivations.derive(JOIN, {"text": hashes}, parameters, name=name)
    return made.output("text").content_hash


def test_it_goes_up_to_the_raw_contents_and_their_origin(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    both = join(bench, [a, b], "both")
    told = why(bench.catalog, join(bench, [both], "more", tail="!"))
    assert [node.name for node in told.walk()] == ["more.txt", "both.txt", "a.raw", "b.raw"]
    assert [(node.content_hash, node.origin) for node in told.raw()] == [
        (a, "data:a.raw"),
        (b, "data:b.raw"),
    ]
    assert (told.step, told.tier, dict(told.parameters or {})) == (
        "join",
        "artifacts",
        {"tail": "!"},
    )


def test_the_tree_reads_from_top_to_bottom(bench: Bench) -> None:
    a, b = raw(bench, b"a"), raw(bench, b"b")
    both = join(bench, [a, b], "both")
    lines = str(why(bench.catalog, join(bench, [both, a], "more", tail="!"))).splitlines()
    assert [line.partition("@")[0] for line in lines] == [
        "more.txt",
        '│  {"tail": "!"}',
        "├─ text: both.txt",
        "│  ├─ text: a.raw",
        "│  └─ text: b.raw",
        "└─ text: a.raw",
    ]
    assert lines[-1].endswith("raw-observations, from data:a.raw")


def test_what_is_shared_is_told_once(bench: Bench) -> None:
    below = raw(bench, b"a")
    for level in range(40):  # written out in full, the tree would have 2 ** 40 leaves
        parts = {"text": [below], "again": [below]}
        made = bench.derivations.derive(JOIN, parts, {"tail": f"{level:02d}"}, name=f"l{level}")
        below = made.output("text").content_hash
    told = why(bench.catalog, below)
    assert len(list(told.walk())) == 41
    assert str(told).count("(as above)") == 39


def test_a_step_that_changed_nothing_is_no_endless_tree(bench: Bench) -> None:
    a = raw(bench, b"a")
    assert join(bench, [a], "same") == a
    told = why(bench.catalog, a)
    assert told.raw() == [told]
    assert len(str(told).splitlines()) == 1


def test_a_source_that_the_catalogue_does_not_know_is_shown_as_such(bench: Bench) -> None:
    unknown = bench.cas.put_blob(b"no record", MEDIA, Tier.ARTIFACTS)
    told = why(bench.catalog, join(bench, [unknown], "made", tail="!"))
    assert told.sources[0].name == "not in the catalogue"


def test_what_is_not_stored_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFoundError, match="ab" * 32):
        why(bench.catalog, "ab" * 32)


def test_a_notebook_shows_it_escaped(bench: Bench) -> None:
    content_hash = bench.cas.store_data(b"x", MEDIA, name="<b>")
    shown = why(bench.catalog, content_hash)._repr_mimebundle_()
    assert "&lt;b&gt;" in shown["text/html"]
    assert "<b>@" in shown["text/plain"]
