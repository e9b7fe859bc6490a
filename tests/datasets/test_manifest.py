"""What dataset manifests promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest, LeftOut
from astrid_sdk.errors import InvalidInputError

names = st.text("abc.-_é 0", min_size=1, max_size=8).filter(lambda name: name not in {".", ".."})
files = st.builds(
    DatasetFile,
    content_hash=st.binary(min_size=32, max_size=32).map(bytes.hex),
    path=st.lists(names, min_size=1, max_size=3).map("/".join),
    tier=st.just("detections"),
    role=st.sampled_from(["detections", "triplet"]),
    label=st.none() | st.text(),
    sources=st.lists(st.text(), max_size=2).map(tuple),
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


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../x", "a//b", "a\\b", "a/."])
def test_a_path_that_leads_out_of_the_dataset_is_refused(path: str) -> None:
    file = DatasetFile("ab" * 32, path, "detections", "triplet")
    with pytest.raises(InvalidInputError, match="no path in a dataset"):
        DatasetManifest("sn-train", [file]).to_bytes()


def test_two_files_of_one_path_are_refused() -> None:
    twins = [DatasetFile(digit * 64, "a.fits", "detections", "triplet") for digit in "12"]
    with pytest.raises(InvalidInputError, match=r"have the path a\.fits"):
        DatasetManifest("sn-train", twins).to_bytes()


def test_a_later_format_version_is_refused_with_what_to_do() -> None:
    content = DatasetManifest("sn-train", ()).to_bytes()
    with pytest.raises(InvalidInputError, match="upgrade astrid-sdk"):
        DatasetManifest.from_bytes(content.replace(b'"format_version":1', b'"format_version":2'))
