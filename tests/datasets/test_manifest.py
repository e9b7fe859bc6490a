"""What dataset manifests promise."""

import pytest
from datasets.old_formats import MANIFEST_1, MANIFEST_1_HASH
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest, LeftOut
from astrid_sdk.errors import InvalidInputError

names = st.text("abc-_é 0", min_size=1, max_size=8)
files = st.builds(
    DatasetFile,
    content_hash=st.binary(min_size=32, max_size=32).map(bytes.hex),
    path=st.lists(names, min_size=1, max_size=3).map(lambda parts: f"{'/'.join(parts)}.fits"),
    tier=st.just("detections"),
    role=st.sampled_from(["detections", "triplet"]),
    label=st.none() | st.text(),
    sources=st.lists(st.text(), max_size=2).map(tuple),
    size_bytes=st.none() | st.integers(0, 2**40),
    ra_deg=st.none() | st.floats(0, 360),
    dec_deg=st.none() | st.floats(-90, 90),
)


@given(
    st.lists(files, unique_by=lambda file: file.path),
    st.lists(st.builds(LeftOut, st.text(), st.text()), max_size=3),
)
def test_a_manifest_comes_back_as_it_was(
    given_files: list[DatasetFile], left_out: list[LeftOut]
) -> None:
    manifest = DatasetManifest("sn-train", tuple(given_files), tuple(left_out))
    again = DatasetManifest.from_bytes(manifest.to_bytes())
    assert sorted(again.files, key=lambda file: file.path) == list(again.files)
    assert set(again.files) == set(given_files)
    assert again.left_out == tuple(left_out)
    assert again.to_bytes() == manifest.to_bytes()


@given(st.lists(files, unique_by=lambda file: file.path, min_size=2))
def test_the_order_of_files_does_not_count(given_files: list[DatasetFile]) -> None:
    one = DatasetManifest("sn-train", given_files)
    assert DatasetManifest("sn-train", given_files[::-1]).to_bytes() == one.to_bytes()


HOSTILE = [
    "",
    "/etc/passwd",
    "../x",
    "a/../x",
    "a//b",
    "a\\b",
    "a/.",
    "a\nb",
    "a\0",
    "\udcff",
    "x" * 2000,
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_leads_out_of_the_dataset_is_refused(path: str) -> None:
    file = DatasetFile("ab" * 32, path, "detections", "triplet")
    with pytest.raises(InvalidInputError, match="no path in a dataset"):
        DatasetManifest("sn-train", [file]).to_bytes()


def test_two_files_of_one_path_are_refused() -> None:
    twins = [DatasetFile(digit * 64, "a.fits", "detections", "triplet") for digit in "12"]
    with pytest.raises(InvalidInputError, match=r"have the path a\.fits"):
        DatasetManifest("sn-train", twins).to_bytes()


def test_a_file_below_which_others_lie_is_refused_because_it_could_not_be_unpacked() -> None:
    paths = ["a", "b", "a/b/c.fits"]
    files = [DatasetFile("1" * 64, path, "detections", "triplet") for path in paths]
    with pytest.raises(InvalidInputError, match="a is a file, and other files lie below it"):
        DatasetManifest("sn-train", files).to_bytes()


def test_what_is_no_content_hash_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no content hash"):
        DatasetManifest("sn-train", [DatasetFile("x", "a", "detections", "triplet")]).to_bytes()


def test_the_bytes_of_a_dataset_are_told_where_every_size_is_known() -> None:
    files = [
        DatasetFile(digit * 64, f"{digit}.fits", "detections", "triplet", size_bytes=int(digit))
        for digit in "12"
    ]
    assert DatasetManifest("sn-train", files).size_bytes == 3
    unknown = DatasetFile("3" * 64, "3.fits", "detections", "triplet")
    assert DatasetManifest("sn-train", [*files, unknown]).size_bytes is None
    assert DatasetManifest("sn-train", []).size_bytes == 0


def test_a_manifest_of_the_first_release_is_read() -> None:
    assert sha256_hex(MANIFEST_1) == MANIFEST_1_HASH
    table, triplet = DatasetManifest.from_bytes(MANIFEST_1).files
    assert (table.label, table.size_bytes, table.ra_deg) == (None, None, None)
    assert (triplet.path, triplet.label) == ("2024-04-05/a/triplet-001.fits", "real")
    assert triplet.sources == ("cd" * 32,)


def test_a_later_format_version_is_refused_with_what_to_do() -> None:
    content = DatasetManifest("sn-train", ()).to_bytes()
    with pytest.raises(InvalidInputError, match="upgrade astrid-sdk"):
        DatasetManifest.from_bytes(content.replace(b'"format_version":2', b'"format_version":3'))
