"""The pixels of a dataset version as one array: a Parquet tensor column, or a ``.npy`` file.

Triplets where the dataset has some, otherwise its FITS images: each file is one tensor, float32
``[plane, y, x]``. All are of one shape. A few MiB are in memory at a time.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from astrid_sdk import arrow
from astrid_sdk.datasets.export.stamps import stamps_of
from astrid_sdk.datasets.export.subject import ExportSubject
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.roles import TRIPLET
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.file_names import is_fits_name
from astrid_sdk.sky.fits_files import images_in, open_fits, read_hdu
from astrid_sdk.storage.parallel import batched

_GROUP_BYTES = 8 * 1024 * 1024
Tensor = NDArray[np.float32]


def tensor_files(subject: ExportSubject) -> list[DatasetFile]:
    """Return the files that become tensors, in the order of their paths.

    Raises
    ------
    InvalidInputError
        The dataset holds neither triplets nor FITS images.
    """
    files = subject.files
    triplets = [file for file in files if file.role == TRIPLET]
    found = triplets or [file for file in files if is_fits_name(file.path)]
    if not found:
        raise InvalidInputError(
            f"{subject.version.name} holds neither triplets nor FITS images to make tensors of: "
            "leave the formats 'tensors' and 'numpy' out",
            kind="shape",
        )
    return found


@dataclass(frozen=True, slots=True)
class Tensors:
    """Files of one shape, read a few at a time.

    Parameters
    ----------
    files : sequence of DatasetFile
    contents : Path
        Folder that holds each content, called by its hash.
    shape : tuple of int
        (planes, ny, nx).
    """

    files: Sequence[DatasetFile]
    contents: Path
    shape: tuple[int, ...]

    @classmethod
    def of(cls, files: Sequence[DatasetFile], contents: Path) -> "Tensors":
        """Return the tensors of `files`: all are to have the shape of the first."""
        return cls(files, contents, _read(files[0], contents).shape)

    def batches(self) -> Iterator[tuple[Sequence[DatasetFile], Tensor]]:
        """Yield some files and their tensors, shape (n, planes, ny, nx).

        Raises
        ------
        InvalidInputError
            A file is no image (kind ``no_image`` and others of `open_fits`), or of another shape
            than the first (kind ``shape``).
        """
        each = 4 * int(np.prod(self.shape))
        for some in batched(self.files, max(1, _GROUP_BYTES // each)):
            yield some, np.stack([self._fitting(file) for file in some])

    def _fitting(self, file: DatasetFile) -> Tensor:
        tensor = _read(file, self.contents)
        if tensor.shape != self.shape:
            raise InvalidInputError(
                f"{file.path!r} has the shape {tensor.shape}, but {self.files[0].path!r} has "
                f"{self.shape}: tensors need one shape; leave one of them out of the dataset, or "
                "the formats 'tensors' and 'numpy' out of the export",
                kind="shape",
            )
        return tensor


def write_parquet(tensors: Tensors, subject: ExportSubject, table: pa.Table, path: Path) -> None:
    """Write the tensors as an Arrow fixed-shape tensor column, a few MiB a row group.

    Beside it stand path, content_hash, label and side; `table` says what they mean.
    """
    kind = pa.fixed_shape_tensor(pa.float32(), tensors.shape, dim_names=["plane", "y", "x"])
    told = {"description": "planes: " + ", ".join(_planes(tensors)), "ucd": "obs.image"}
    named = [table.schema.field(name) for name in ("path", "content_hash", "label", "side")]
    schema = pa.schema(
        [*named, pa.field("tensor", kind, nullable=False, metadata=told)], table.schema.metadata
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for files, stack in tensors.batches():
            columns = [
                arrow.column([row[field.name] for row in _rows(files, subject)], field.type)
                for field in named
            ]
            cells = pa.FixedSizeListArray.from_arrays(stack.ravel(), int(np.prod(tensors.shape)))
            columns.append(pa.ExtensionArray.from_storage(kind, cells))
            writer.write_table(pa.table(columns, schema=schema), row_group_size=len(files))


def write_numpy(tensors: Tensors, subject: ExportSubject, path: Path, index: Path) -> None:
    """Write the tensors as one ``.npy`` that can be mapped, and which row is which file as JSON."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype("<f4")),
        "fortran_order": False,
        "shape": (len(tensors.files), *tensors.shape),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for _, stack in tensors.batches():
            file.write(stack.astype("<f4", copy=False).tobytes())
    told = {
        "planes": _planes(tensors),
        "rows": [{"row": row, **said} for row, said in enumerate(_rows(tensors.files, subject))],
    }
    index.write_text(json.dumps(told, indent=1) + "\n", encoding="ascii")


def _planes(tensors: Tensors) -> list[str]:
    if tensors.files[0].role == TRIPLET:
        return ["science", "reference", "difference"]
    return [f"plane {number}" for number in range(tensors.shape[0])]


def _rows(files: Sequence[DatasetFile], subject: ExportSubject) -> list[dict[str, str | None]]:
    return [
        {
            "path": file.path,
            "content_hash": file.content_hash,
            "label": file.label,
            "side": subject.sides.get(file.path),
        }
        for file in files
    ]


def _read(file: DatasetFile, contents: Path) -> Tensor:
    content = (contents / file.content_hash).read_bytes()
    if file.role == TRIPLET:
        return stamps_of(content, file.path)
    with open_fits(content, file.path) as hdus:
        planes = [read_hdu(hdus, image.index).data for image in images_in(hdus, file.path)]
    if len({plane.shape for plane in planes}) > 1:
        raise InvalidInputError(
            f"the images in {file.path!r} have several shapes: no tensor can be made of it; leave "
            "the formats 'tensors' and 'numpy' out",
            kind="shape",
        )
    return np.stack(planes)
