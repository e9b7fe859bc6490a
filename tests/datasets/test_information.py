"""What is said of a dataset, and tags: nothing is overwritten, and the last word counts."""

import pytest
from stores import at_once

import astrid_sdk
from astrid_sdk.errors import ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.session import AstridSession


def test_what_is_said_of_a_dataset_comes_back(astrid: AstridSession) -> None:
    said = astrid.datasets.create(
        "sn-train",
        description="Transients of 2024",
        licence="CC-BY-4.0",
        creators=["Ann", "Bea"],
        how="labelled by two people",
        survey="ZTF",
    )
    assert astrid.datasets.information("sn-train") == said
    assert (said.number, said.creators, said.details) == (1, ("Ann", "Bea"), {"survey": "ZTF"})
    assert said.author
    assert said.created_at is not None


def test_a_dataset_is_created_once(astrid: AstridSession) -> None:
    astrid.datasets.create("sn-train")
    with pytest.raises(ConflictError, match="describe") as caught:
        astrid.datasets.create("sn-train", description="other")
    assert caught.value.kind == "exists"
    assert astrid.datasets.information("sn-train").description == ""


def test_describing_changes_what_is_named_and_keeps_the_rest_and_the_past(
    astrid: AstridSession,
) -> None:
    first = astrid.datasets.create("sn-train", description="a", licence="MIT", survey="ZTF", n="1")
    second = astrid.datasets.describe("sn-train", description="b", survey=None)
    assert (second.number, second.description, second.licence) == (2, "b", "MIT")
    assert second.details == {"n": "1"}
    assert astrid.datasets.describe("sn-train", description="b") == second
    keys = [f"datasets/information/sn-train/{number}.json" for number in (1, 2)]
    assert astrid.r2.list_files(astrid.bucket, "datasets/information/") == keys
    two = astrid.datasets.describe("sn-train", creators=["A", "B"])
    assert astrid.datasets.describe("sn-train", creators=["A, B"]).number == two.number + 1
    assert first.description.encode() in astrid.r2.download_file(astrid.bucket, keys[0])


def test_a_dataset_that_nobody_spoke_of_is_there_once_it_has_a_version(
    astrid: AstridSession, stamps: list[str]
) -> None:
    with pytest.raises(NotFoundError, match="no dataset sn-train"):
        astrid.datasets.information("sn-train")
    with pytest.raises(NotFoundError, match="no dataset sn-train"):
        astrid.datasets.describe("sn-train", description="x")
    astrid.datasets.version("sn-train", stamps)
    assert astrid.datasets.information("sn-train").number == 0
    assert astrid.datasets.describe("sn-train", description="x").number == 1


@pytest.mark.parametrize(
    "licence", ["", "MIT", "CC-BY-4.0", "MIT OR Apache-2.0", "(MIT AND GPL-2.0+) OR LicenseRef-x"]
)
def test_an_spdx_expression_is_a_licence(astrid: AstridSession, licence: str) -> None:
    assert astrid.datasets.create("x", licence=licence).licence == licence


@pytest.mark.parametrize("licence", ["CC BY 4.0", "free!", "MIT OR", "OR", "(MIT", "MIT/X11"])
def test_what_is_no_spdx_expression_is_refused(astrid: AstridSession, licence: str) -> None:
    with pytest.raises(InvalidInputError, match="no SPDX licence expression"):
        astrid.datasets.create("x", licence=licence)
    assert list(astrid.datasets.list()) == []


def test_a_value_that_is_no_text_is_refused(astrid: AstridSession) -> None:
    with pytest.raises(InvalidInputError, match="survey takes a text"):
        astrid.datasets.create("x", survey=["ZTF"])  # type: ignore[arg-type]  # that is the point


def test_information_is_shown_escaped(astrid: AstridSession) -> None:
    said = astrid.datasets.create("x", description="<script>")
    assert repr(said) == "<dataset x>\ndescription: <script>"
    assert "&lt;script&gt;" in said._repr_mimebundle_()["text/html"]


def test_writers_at_once_leave_no_gap_in_what_is_said(astrid: AstridSession) -> None:
    astrid.datasets.create("x")

    def describe(name: str) -> int:
        with astrid_sdk.connect(astrid.home) as session:
            return session.datasets.describe("x", **{name: "said"}).number

    numbers = at_once([lambda name=name: describe(name) for name in "abcd"])  # type: ignore[misc]
    assert sorted(numbers) == [2, 3, 4, 5]
    assert astrid.datasets.information("x").details == dict.fromkeys("abcd", "said")


def test_a_tag_that_moves_says_where_it_stood(astrid: AstridSession, stamps: list[str]) -> None:
    for count in (1, 2):
        astrid.datasets.version("x", stamps[:count])
    first = astrid.datasets.tag("x@v1", "paper")
    again = astrid.datasets.tag("x@v1", "paper")
    moved = astrid.datasets.tag("x", "paper")
    assert (str(first), str(moved)) == ("x@paper is v1", "x@paper is v2, was v1")
    assert again == first
    assert astrid.datasets.get("x@paper").number == 2
    keys = [f"datasets/tags/x/paper/{number}.json" for number in (1, 2)]
    assert astrid.r2.list_files(astrid.bucket, "datasets/tags/") == keys
    (tag,) = astrid.datasets.tags("x")
    assert (tag.tag, tag.number, tag.moved_from) == ("paper", 2, 1)
    assert "paper" in astrid.datasets.tags("x")._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("tag", ["", "v1", "7", "A", "a/b", "../x", "a b"])
def test_what_cannot_be_a_tag_is_refused(
    astrid: AstridSession, stamps: list[str], tag: str
) -> None:
    astrid.datasets.version("x", stamps)
    with pytest.raises(InvalidInputError, match="is no tag"):
        astrid.datasets.tag("x", tag)


def test_a_tag_that_nobody_gave_is_not_found_and_the_known_ones_are_named(
    astrid: AstridSession, stamps: list[str]
) -> None:
    astrid.datasets.version("x", stamps)
    astrid.datasets.tag("x", "paper")
    with pytest.raises(NotFoundError, match="its tags: paper"):
        astrid.datasets.get("x@papre")
