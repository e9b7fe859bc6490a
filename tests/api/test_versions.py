"""POST /storage/datasets/{id}/version and GET …/versions."""

from typing import Any

import pytest
from api.here import Here

_KIND = {"role": "triplet", "label": "real"}


def _files(here: Here, *contents: bytes) -> list[dict[str, Any]]:
    return [
        {
            "content_hash": here.put(each),
            "path": f"{number}.bin",
            "role": "triplet",
            "label": "real",
        }
        for number, each in enumerate(contents, 1)
    ]


def _make(here: Here, dataset_id: str, files: list[dict[str, Any]], message: str = "m") -> Any:
    wanted = {"message": message, "files": files}
    answer = here.client.post(f"/storage/datasets/{dataset_id}/version", json=wanted)
    return answer.status_code, answer.json()


def test_a_version_is_made_once_and_the_next_has_the_next_number(shared: Here) -> None:
    files = _files(shared, b"a", b"b")
    first, same = _make(shared, "sn-train", files), _make(shared, "sn-train", files)
    more = _make(shared, "sn-train", files[:1])
    assert [each[0] for each in (first, same, more)] == [201, 200, 201]
    assert [each[1]["version"] for each in (first, same, more)] == [1, 1, 2]
    assert first[1]["manifest_hash"] == same[1]["manifest_hash"] != more[1]["manifest_hash"]
    manifest = shared.session.datasets.manifest("sn-train", 1)
    assert [(file.path, file.role, file.label) for file in manifest.files] == [
        ("1.bin", "triplet", "real"),
        ("2.bin", "triplet", "real"),
    ]
    assert [file.size_bytes for file in manifest.files] == [1, 1]
    assert {file.tier for file in manifest.files} == {"artifacts"}


def test_the_manifest_can_be_downloaded(shared: Here) -> None:
    _, told = _make(shared, "with-manifest", _files(shared, b"c"))
    answer = shared.client.get(f"/storage/download/{told['manifest_hash']}")
    assert answer.json()["dataset_id"] == "with-manifest"


def test_versions_come_in_pages_v1_first(shared: Here) -> None:
    files = _files(shared, b"1", b"2", b"3")
    for count in (1, 2, 3):
        _make(shared, "paged", files[:count], f"{count} files")
    url = "/storage/datasets/paged/versions?limit=2"
    first = shared.client.get(url).json()
    rest = shared.client.get(f"{url}&cursor={first['next_cursor']}").json()
    told = first["items"] + rest["items"]
    assert [(each["version"], each["message"], each["files"]) for each in told] == [
        (1, "1 files", 1),
        (2, "2 files", 2),
        (3, "3 files", 3),
    ]
    assert (first["total"], rest["next_cursor"]) == (3, None)


def test_a_dataset_that_is_not_there_is_404(shared: Here) -> None:
    answer = shared.client.get("/storage/datasets/nobody/versions")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("dataset_id", ["Upper", "-x", "a" * 64, "a%2Fb", "%C3%A9", "a%00"])
def test_an_id_that_is_none_is_refused_by_the_router(shared: Here, dataset_id: str) -> None:
    answer = shared.client.get(f"/storage/datasets/{dataset_id}/versions")
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"content_hash": "abc"}, "invalid_input"),
        ({"path": "../up"}, "invalid_input"),
        ({"path": "/etc/passwd"}, "invalid_input"),
        ({"path": ""}, "invalid_input"),
        ({"colour": "red"}, "invalid_input"),
    ],
)
def test_a_file_that_cannot_be_listed_is_refused(
    shared: Here, change: dict[str, str], code: str
) -> None:
    (file,) = _files(shared, b"d")
    status, told = _make(shared, "refused", [{**file, **change}])
    assert (status, told["code"]) == (422, code)
    assert shared.client.get("/storage/datasets/refused/versions").status_code == 404


def test_a_version_of_nothing_is_refused(shared: Here) -> None:
    status, told = _make(shared, "nothing", [])
    assert (status, told["code"]) == (422, "invalid_input")
    assert shared.client.get("/storage/datasets/nothing/versions").status_code == 404


def test_two_files_of_one_path_are_refused(shared: Here) -> None:
    (file,) = _files(shared, b"e")
    status, told = _make(shared, "twice", [file, file])
    assert (status, told["code"]) == (409, "path")


def test_a_content_that_is_not_there_makes_no_version(shared: Here) -> None:
    files = [{"content_hash": "0" * 64, "path": "a"}]
    status, told = _make(shared, "absent", files)
    assert (status, told["code"]) == (404, "unknown_content")
    assert shared.client.get("/storage/datasets/absent/versions").status_code == 404
