"""GET /storage/find, /storage/metadata and /storage/lineage: what is known, in pages."""

from typing import Any

import pytest
from api.here import Here
from skies import Shot

from astrid_sdk.catalog.lineage.prov import prov_document


@pytest.fixture(scope="module")
def images(shared: Here) -> list[str]:
    """Hashes of images of three nights, as they were uploaded."""
    return [
        shared.put(
            Shot(night=f"2024-04-0{day}", noise_seed=day).to_bytes(),
            tier="raw-observations",
            name=f"night{day}/frame.fits",
        )
        for day in (3, 4, 5)
    ]


def _find(here: Here, **conditions: Any) -> dict[str, Any]:
    answer = here.client.get("/storage/find", params=conditions)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _hashes(page: dict[str, Any]) -> list[str]:
    return [item["content_hash"] for item in page["items"]]


def test_conditions_are_those_of_the_query(shared: Here, images: list[str]) -> None:
    assert _hashes(_find(shared, tier="raw-observations")) == images
    assert _hashes(_find(shared, night=["2024-04-03", "2024-04-05"])) == [images[0], images[2]]
    assert _hashes(_find(shared, name="night4/*")) == [images[1]]
    assert _hashes(_find(shared, after="2024-04-04T12:00:00Z", tier="raw-observations")) != images
    assert _hashes(_find(shared, tier="detections")) == []


def test_a_place_is_searched_by_cone_box_and_polygon(shared: Here, images: list[str]) -> None:
    row = _find(shared, tier="raw-observations")["items"][0]
    ra, dec = row["ra_deg"], row["dec_deg"]
    near = {"ra_deg": ra, "dec_deg": dec, "radius_deg": 0.01}
    assert _hashes(_find(shared, **near)) == images
    assert _hashes(_find(shared, **{**near, "dec_deg": -dec})) == []
    box = f"{ra - 0.1},{ra + 0.1},{dec - 0.1},{dec + 0.1}"
    assert _hashes(_find(shared, box=box)) == images
    polygon = f"{ra - 0.1},{dec - 0.1};{ra + 0.1},{dec - 0.1};{ra},{dec + 0.1}"
    assert _hashes(_find(shared, polygon=polygon)) == images


def test_header_cards_are_searched_by_value_pattern_and_range(
    shared: Here, images: list[str]
) -> None:
    assert _hashes(_find(shared, header="EXPTIME=60")) == images
    assert _hashes(_find(shared, header="exptime=59.5..")) == images
    assert _hashes(_find(shared, header="EXPTIME=..59")) == []
    assert _hashes(_find(shared, header=["EXPTIME=60", "FILTER=zz*"])) == []


def test_pages_hold_each_row_once_although_more_is_stored_meanwhile(
    shared: Here, images: list[str]
) -> None:
    first = _find(shared, tier="raw-observations", limit=2)
    late = Shot(night="2024-04-01", noise_seed=9).to_bytes()  # it would come first
    shared.put(late, tier="raw-observations", name="late.fits")
    rest = _find(shared, tier="raw-observations", limit=2, cursor=first["next_cursor"])
    assert _hashes(first) + _hashes(rest) == images
    assert (first["total"], rest["total"], rest["next_cursor"]) == (3, 3, None)


@pytest.mark.parametrize(
    "conditions",
    [
        {"ra_deg": "10"},
        {"ra_deg": "nan", "dec_deg": "0", "radius_deg": "1"},
        {"night": "yesterday"},
        {"after": "12345"},
        {"limit": "0"},
        {"limit": "1001"},
        {"band": "r"},
        {"name": "[z-a]"},
        {"box": "1,2,3"},
        {"cursor": "WzFd"},
        {"cursor": "!!"},
    ],
)
def test_a_condition_that_cannot_be_used_is_refused_in_words(
    shared: Here, conditions: dict[str, str]
) -> None:
    answer = shared.client.get("/storage/find", params=conditions)
    told = answer.json()
    assert answer.status_code in {404, 409, 422}, told
    assert told.get("detail") or told["errors"][0]["what"]


def test_a_cursor_is_good_for_its_own_question_only(shared: Here, images: list[str]) -> None:
    assert images
    cursor = _find(shared, tier="raw-observations", limit=1)["next_cursor"]
    answer = shared.client.get("/storage/find", params={"tier": "temp", "cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (404, "cursor")


def test_metadata_tells_all_tiers_and_names_of_a_content(shared: Here) -> None:
    content_hash = shared.put(b"in two tiers", tier="temp", name="one")
    shared.put(b"in two tiers", tier="models", name="other")
    told = shared.client.get(f"/storage/metadata/{content_hash}").json()
    assert (told["tier"], told["name"]) == ("temp", "one")
    assert set(told["tiers"]) == {"temp", "models"}
    assert set(told["names"]) == {"one", "other"}
    assert told["size_bytes"] == len(b"in two tiers")
    assert told["derivation"] is None


def _derived(here: Here) -> tuple[str, str]:
    """Return the hash of a content, and of one that was made of it."""
    source = here.put(b"to be counted", name="source.txt")
    made = here.session.derive(_repeated, {"text": source}, {"times": 2}, name="counted")
    return source, made.outputs[0].content_hash


def _repeated(inputs: Any, *, times: int) -> dict[str, Any]:
    return {"doubled": inputs.read("text") * times}


def test_a_derived_content_tells_what_made_it(shared: Here) -> None:
    source, made = _derived(shared)
    told = shared.client.get(f"/storage/metadata/{made}").json()
    assert told["derivation"]["inputs"] == {"text": [source]}
    assert told["derivation"]["parameters"] == {"times": 2}


def test_lineage_goes_up_and_down(shared: Here) -> None:
    source, made = _derived(shared)
    up = shared.client.get(f"/storage/lineage/{made}").json()
    assert [node["content_hash"] for node in up["nodes"]] == [made, source]
    assert [(edge["source"], edge["target"]) for edge in up["edges"]] == [(source, made)]
    down = shared.client.get(f"/storage/lineage/{source}?direction=impact").json()
    assert [node["content_hash"] for node in down["nodes"]] == [source, made]


def test_a_lineage_comes_in_pages(shared: Here) -> None:
    source, made = _derived(shared)
    url = f"/storage/lineage/{made}?limit=1"
    first = shared.client.get(url).json()
    rest = shared.client.get(f"{url}&cursor={first['next_cursor']}").json()
    assert [node["content_hash"] for node in first["nodes"] + rest["nodes"]] == [made, source]
    assert (first["total"], rest["next_cursor"]) == (2, None)
    assert len(first["edges"] + rest["edges"]) == 1


def test_a_lineage_is_w3c_prov_too(shared: Here) -> None:
    _, made = _derived(shared)
    told = shared.client.get(f"/storage/lineage/{made}?format=prov").json()
    assert told == prov_document(shared.session.why(made))


@pytest.mark.parametrize("noun", ["metadata", "lineage"])
def test_what_is_not_there_is_404(shared: Here, noun: str) -> None:
    assert shared.client.get(f"/storage/{noun}/{'0' * 64}").status_code == 404
