"""What the pixels of an export promise."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from datasets.export.shelves import SIZE_PX, Shelf, triplet
from skies import Shot

from astrid_sdk.datasets.export.stamps import stamps_of
from astrid_sdk.datasets.export.tensors import Tensors
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.cutouts import Triplet

MEMORY = """
import resource, sys
from pathlib import Path
from astrid_sdk.datasets.export.stamps import stamps_of
from astrid_sdk.datasets.export.tensors import Tensors
from astrid_sdk.datasets.manifest import DatasetFile
file = DatasetFile("one", "a.fits", "detections", "triplet")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def read(count):
    for _ in Tensors.of([file] * count, Path(sys.argv[1])).batches():
        pass
read(100)
before = peak()
read(1500)
print(peak() - before)
"""


def test_triplets_become_a_column_of_tensors_in_the_order_of_samples(shelf: Shelf) -> None:
    files = sorted(shelf.hostile(), key=lambda file: file.path)
    made = shelf.export(files, "tensors", "parquet", sides={files[0].path: "train"})
    table = pq.read_table(made.folder / "tensors.parquet")
    samples = pq.read_table(made.folder / "samples.parquet")
    assert table["path"].to_pylist() == samples["path"].to_pylist()
    assert table["label"].to_pylist() == samples["label"].to_pylist()
    assert table["side"].to_pylist() == ["train", None, None, None]
    kind = table.schema.field("tensor").type
    assert isinstance(kind, pa.FixedShapeTensorType)
    assert (kind.value_type, tuple(kind.shape)) == (pa.float32(), (3, SIZE_PX, SIZE_PX))
    stack = table["tensor"].combine_chunks().to_numpy_ndarray()
    for tensor, file in zip(stack, files, strict=True):
        stamps = Triplet.from_fits(shelf.bench.cas.retrieve_data(file.content_hash))
        expected = (stamps.science, stamps.reference, stamps.difference)
        np.testing.assert_array_equal(tensor, np.stack(expected))
    assert np.isnan(stack[:, 2, 0, 0]).all()


def test_the_numpy_file_can_be_mapped_and_its_index_says_which_row_is_which(shelf: Shelf) -> None:
    files = sorted(shelf.hostile(), key=lambda file: file.path)
    folder = shelf.export(files, "numpy").folder
    stack = np.load(folder / "tensors.npy", mmap_mode="r")
    index = json.loads((folder / "tensors.index.json").read_text())
    assert (stack.shape, stack.dtype) == ((4, 3, SIZE_PX, SIZE_PX), np.dtype("float32"))
    assert isinstance(stack, np.memmap)
    assert index["planes"] == ["science", "reference", "difference"]
    for row, file in zip(index["rows"], files, strict=True):
        assert (row["path"], row["label"]) == (file.path, file.label)
        stamps = Triplet.from_fits(shelf.bench.cas.retrieve_data(file.content_hash))
        np.testing.assert_array_equal(stack[row["row"]][0], stamps.science)


def test_images_of_one_shape_are_tensors_too(shelf: Shelf) -> None:
    frames = [Shot(noise_seed=k, size_px=16).to_bytes() for k in (1, 2)]
    files = [shelf.data(data, f"{k}.fits") for k, data in enumerate(frames)]
    made = shelf.export([*files, shelf.data(b"a,b", "notes.csv")], "numpy")
    assert np.load(made.folder / "tensors.npy").shape == (2, 1, 16, 16)
    assert made.notes == ("1 file of another kind beside the tensors, not in them",)


def test_the_odd_one_is_named(shelf: Shelf) -> None:
    files = [shelf.data(triplet(k, 7 if k == 2 else 5), f"{k}.fits") for k in range(3)]
    with pytest.raises(InvalidInputError, match=r"'2\.fits' has the shape \(3, 7, 7\)") as odd:
        shelf.export(files, "tensors")
    assert odd.value.kind == "shape"
    assert not (shelf.folder / "out").exists()


def test_a_triplet_that_is_none_is_named(shelf: Shelf) -> None:
    files = [*shelf.hostile(), shelf.data(b"no FITS", "fake.fits", role="triplet")]
    with pytest.raises(InvalidInputError, match=r"fake\.fits"):
        shelf.export(files, "tensors")


@pytest.mark.parametrize("size_px", [1, 2, 63])
def test_stamps_are_read_as_the_fits_library_reads_them(size_px: int) -> None:
    content = triplet(3, size_px)
    known = Triplet.from_fits(content)
    expected = np.stack([known.science, known.reference, known.difference])
    np.testing.assert_array_equal(stamps_of(content, ""), expected)
    np.testing.assert_array_equal(stamps_of(gzip.compress(content), ""), expected)


def test_a_triplet_that_somebody_else_wrote_is_read_too() -> None:
    scaled = fits.HDUList([fits.PrimaryHDU()])
    scaled[0].header["ASTRIDTV"] = 1
    for name in ("SCIENCE", "REFERENCE", "DIFFERENCE"):
        scaled.append(fits.ImageHDU(np.arange(9.0).reshape(3, 3), name=name))
    buffer = io.BytesIO()
    scaled.writeto(buffer)
    stamps = stamps_of(buffer.getvalue(), "")
    np.testing.assert_array_equal(stamps, np.stack([np.arange(9.0).reshape(3, 3)] * 3))


def test_a_later_triplet_and_a_cut_one_are_refused_by_name() -> None:
    later = triplet(1).replace(b"ASTRIDTV=                    1", b"ASTRIDTV=                    9")
    for content, kind in ((later, "format_version"), (triplet(1, 63)[:20_000], "truncated")):
        with pytest.raises(InvalidInputError, match=r"^'a/b\.fits': ") as refused:
            stamps_of(content, "a/b.fits")
        assert refused.value.kind == kind


def test_a_dataset_without_images_says_so(shelf: Shelf) -> None:
    with pytest.raises(InvalidInputError, match="neither triplets nor FITS images"):
        shelf.export([shelf.data(b"a,b", "notes.csv")], "tensors")


def test_row_groups_are_of_bounded_size(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astrid_sdk.datasets.export.tensors._GROUP_BYTES", 2 * 3 * 4 * SIZE_PX**2)
    folder = shelf.export(shelf.hostile(), "tensors").folder
    footer = pq.read_metadata(folder / "tensors.parquet")
    assert [footer.row_group(k).num_rows for k in range(footer.num_row_groups)] == [2, 2]


def test_memory_does_not_grow_with_the_number_of_tensors(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(triplet(1, 63))
    command = [sys.executable, "-c", MEMORY, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(answer.stdout) < 24 * 1024  # KiB; 1,500 of them are 70,000


def test_a_file_with_images_of_several_shapes_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    stamps = [np.zeros((size, size), np.float32) for size in (5, 5, 7)]
    file = shelf.data(Triplet(*stamps).to_fits(), "mixed.fits")
    (tmp_path / file.content_hash).write_bytes(shelf.bench.cas.retrieve_data(file.content_hash))
    with pytest.raises(InvalidInputError, match=r"'mixed\.fits' have several shapes"):
        Tensors.of([file], tmp_path)
