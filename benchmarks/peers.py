"""Libraries that do the same jobs: boto3, obstore and s3fs.

None of them hashes, records or verifies; where the comparison needs a hash it is said.
"""

import contextlib
import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from typing_extensions import override

from astrid_sdk.tiers import Tier
from benchmarks.contenders import Contender
from benchmarks.inputs import STAMP_PIXELS, Inputs
from benchmarks.references import sha256_of_file
from benchmarks.servers import Place

_PART_BYTES = 16 << 20
_BLOCK_BYTES = 2880


class Boto3(Contender):
    """boto3 as most use it: one client, `upload_file`, sixteen threads for small objects."""

    title = "boto3"
    modules: ClassVar[tuple[str, ...]] = ("boto3",)

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        super().__init__(place, inputs, scratch, threads or 16)
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config").Config(
            max_pool_connections=32, s3={"addressing_style": "path"}
        )
        self._s3: Any = boto3.client("s3", config=config)
        self._errors: Any = importlib.import_module("botocore.exceptions")

    @override
    def close(self) -> None:
        self._s3.close()

    def file_store(self) -> None:
        """Hash the file, look whether it is there, `upload_file`."""
        content_hash = sha256_of_file(self.inputs.large)
        with contextlib.suppress(self._errors.ClientError):
            self._s3.head_object(Bucket=self.place.bucket, Key=content_hash)
        self._s3.upload_file(str(self.inputs.large), self.place.bucket, "large")

    def file_retrieve(self) -> None:
        """`download_file`, unverified."""
        self._s3.download_file(self.place.bucket, "large", str(self.destination))

    def files_store(self) -> None:
        """`put_object` in threads."""
        self.in_threads(self._put, self.inputs.small_files())

    def files_retrieve(self) -> None:
        """`get_object` in threads."""
        folder = self.destination
        folder.mkdir()
        self.in_threads(lambda path: self._get(path.name, folder), self.inputs.small_files())

    def listing(self) -> None:
        """Read all pages of `list_objects_v2`."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.place.bucket)
        check_count(self.inputs, sum(len(page.get("Contents", ())) for page in pages))

    def _put(self, path: Path) -> None:
        self._s3.put_object(Bucket=self.place.bucket, Key=path.name, Body=path.read_bytes())

    def _get(self, name: str, folder: Path) -> None:
        body = self._s3.get_object(Bucket=self.place.bucket, Key=name)["Body"]
        (folder / name).write_bytes(body.read())


class Obstore(Contender):
    """The fastest client there is in Python, and the barest: its synchronous calls in threads."""

    title = "obstore"
    modules: ClassVar[tuple[str, ...]] = ("obstore",)
    works_on_folders = True
    ladders: ClassVar[Mapping[str, tuple[int, ...]]] = {"file": (4, 8), "files": (8, 16, 32, 64)}

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        super().__init__(place, inputs, scratch, threads)
        self._obstore: Any = importlib.import_module("obstore")
        stores: Any = importlib.import_module("obstore.store")
        if place.endpoint is None:
            self._store = stores.LocalStore(str(place.bucket_folder))
        else:
            self._store = stores.S3Store(
                place.bucket,
                endpoint=place.endpoint,
                virtual_hosted_style_request=False,
                client_options={"allow_http": True},
            )

    def file_store(self) -> None:
        """Upload in parts, without a hash."""
        self._obstore.put(
            self._store,
            "large",
            self.inputs.large,
            chunk_size=_PART_BYTES,
            max_concurrency=self.threads,
        )

    def file_retrieve(self) -> None:
        """Fetch parts in threads and write each where it belongs, unverified."""
        size = self.inputs.large.stat().st_size
        with self.destination.open("wb") as file:
            self.in_threads(lambda start: self._copy(file, start), range(0, size, _PART_BYTES))

    def files_store(self) -> None:
        """Bare create-only puts."""
        self.in_threads(self._put, self.inputs.small_files())

    def files_retrieve(self) -> None:
        """Bare gets, each into a file."""
        folder = self.destination
        folder.mkdir()
        self.in_threads(lambda path: self._get(path.name, folder), self.inputs.small_files())

    def listing(self) -> None:
        """Read all pages."""
        pages = self._obstore.list(self._store, chunk_size=1000)
        check_count(self.inputs, sum(len(page) for page in pages))

    def cutout(self) -> None:
        """Read the header, then the rows of the stamp as coalesced ranges, unverified."""
        key = self._key_of_image()
        self._obstore.get_range(self._store, key, start=0, end=_BLOCK_BYTES)
        starts, stops = zip(*rows_of_stamp(self.inputs), strict=True)
        rows = self._obstore.get_ranges(self._store, key, starts=starts, ends=stops)
        check_stamp(sum(len(row) for row in rows))

    def _key_of_image(self) -> str:
        for page in self._obstore.list(self._store, f"{Tier.RAW_OBSERVATIONS}/"):
            for found in page:
                if found["size"] == self.inputs.image.stat().st_size:
                    return str(found["path"])
        raise LookupError("the image is not in the bucket")

    def _copy(self, file: BinaryIO, start: int) -> None:
        piece = self._obstore.get_range(self._store, "large", start=start, length=_PART_BYTES)
        os.pwrite(file.fileno(), memoryview(piece), start)

    def _put(self, path: Path) -> None:
        self._obstore.put(self._store, path.name, path.read_bytes(), mode="create")

    def _get(self, name: str, folder: Path) -> None:
        body = self._obstore.get(self._store, name).bytes()
        (folder / name).write_bytes(memoryview(body))


class S3fs(Contender):
    """s3fs, which DVC, astropy and pandas use."""

    title = "s3fs"
    modules: ClassVar[tuple[str, ...]] = ("s3fs",)

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        super().__init__(place, inputs, scratch, threads)
        s3fs: Any = importlib.import_module("s3fs")
        self._files = s3fs.S3FileSystem(
            endpoint_url=place.endpoint, config_kwargs={"s3": {"addressing_style": "path"}}
        )

    def file_store(self) -> None:
        """`put_file`, without a hash."""
        self._files.put_file(str(self.inputs.large), f"{self.place.bucket}/large")

    def file_retrieve(self) -> None:
        """`get_file`, unverified."""
        self._files.get_file(f"{self.place.bucket}/large", str(self.destination))

    def files_store(self) -> None:
        """`put` of all the files."""
        paths = self.inputs.small_files()
        names = [f"{self.place.bucket}/{path.name}" for path in paths]
        self._files.put([str(path) for path in paths], names)

    def files_retrieve(self) -> None:
        """`get` of all the files."""
        folder = self.destination
        folder.mkdir()
        names = [path.name for path in self.inputs.small_files()]
        self._files.get(
            [f"{self.place.bucket}/{name}" for name in names],
            [str(folder / name) for name in names],
        )


class AstropyS3fs(S3fs):
    """astropy's way to read part of an image from a bucket."""

    title = "astropy over s3fs"
    modules: ClassVar[tuple[str, ...]] = ("s3fs", "astropy")
    file_store = file_retrieve = files_store = files_retrieve = None  # type: ignore[assignment]

    def __init__(self, place: Place, inputs: Inputs, scratch: Path, threads: int) -> None:
        super().__init__(place, inputs, scratch, threads)
        self._fits: Any = importlib.import_module("astropy.io.fits")

    def cutout(self) -> None:
        """`.section` of the open file."""
        size = self.inputs.image.stat().st_size
        found = self._files.find(f"{self.place.bucket}/{Tier.RAW_OBSERVATIONS}", detail=True)
        key = next(name for name, facts in found.items() if facts["size"] == size)
        row, column = self.inputs.stamp()
        with (
            self._files.open(key, "rb") as file,
            self._fits.open(file, memmap=False, lazy_load_hdus=True) as hdus,
        ):
            section = hdus[0].section
            stamp = section[row : row + STAMP_PIXELS, column : column + STAMP_PIXELS]
        check_stamp(stamp.nbytes)


def rows_of_stamp(inputs: Inputs) -> Iterator[tuple[int, int]]:
    """Yield where in the file each row of the stamp begins and ends."""
    row, column = inputs.stamp()
    for line in range(row, row + STAMP_PIXELS):
        start = _BLOCK_BYTES + 4 * (line * inputs.side + column)
        yield start, start + 4 * STAMP_PIXELS


def check_stamp(size_bytes: int) -> None:
    """Refuse to have measured a cutout that is not whole."""
    if size_bytes != 4 * STAMP_PIXELS**2:
        raise ValueError(f"the stamp has {size_bytes} bytes")


def check_count(inputs: Inputs, count: int) -> None:
    """Refuse to have measured a listing that is not whole."""
    if count != inputs.keys:
        raise ValueError(f"{count} of {inputs.keys} keys were listed")
