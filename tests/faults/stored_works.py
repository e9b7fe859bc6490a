"""What is asked of content-addressed storage in its table; see `works`."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from faults.works import LARGE, SMALL, Scene, Work

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage, blob_key
from astrid_sdk.tiers import Tier

MEDIA_TYPE = "application/fits"
VAST = LARGE * 14  # goes up in parts
HALF_LARGE = LARGE * 2  # has leaf digests
MANY = 12
START, STOP = 300_000, 301_000
TIER = Tier.RAW_OBSERVATIONS


class Keeper:
    """Content-addressed storage, as a player."""

    name = "astrid"

    def __init__(self, cas: ContentAddressedStorage) -> None:
        self.cas = cas


def files() -> dict[str, bytes]:
    """Return what the bulk works store: many small contents."""
    return {f"{n:02d}.fits": SMALL + b"%d" % n for n in range(MANY)}


def write_files(scene: Scene) -> list[Path]:
    """Write the same to the scene's folder, as files that nobody has touched for an hour."""
    paths = []
    for name, data in files().items():
        path = scene.folder / name
        path.write_bytes(data)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        paths.append(path)
    return paths


def _unharmed(scene: Scene) -> ContentAddressedStorage:
    assert scene.unharmed is not None
    return scene.unharmed


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_stored(*contents: bytes) -> Callable[[Scene], bool]:
    """Return the check that each blob is there with its bytes, and that a record names it."""

    def check(scene: Scene) -> bool:
        truth = scene.truth
        packs = [truth.get(key) or b"" for key in truth.keys("_records/")]
        return all(
            truth.get(blob_key(_sha256(data), TIER)) == data
            and any(_sha256(data).encode() in pack for pack in packs)
            for data in contents
        )

    return check


def _store_file(keeper: Keeper, scene: Scene, data: bytes) -> str:
    path = scene.folder / "file.fits"
    path.write_bytes(data)
    return str(keeper.cas.store_file(path, MEDIA_TYPE, tier=TIER))


def _store_files(keeper: Keeper, scene: Scene) -> list[str]:
    report = keeper.cas.store_files(write_files(scene), MEDIA_TYPE, tier=TIER)
    if report.failed:  # each with its reason: as good as an error
        reasons = {file.reason for file in report.failed}
        raise StorageUnavailableError(" ".join(reasons), wrote=None)
    return report.content_hashes


def _retrieve_file(keeper: Keeper, scene: Scene) -> bytes:
    return keeper.cas.retrieve_file(_sha256(HALF_LARGE), scene.folder / "got.fits").read_bytes()


def _retrieve_files(keeper: Keeper, scene: Scene) -> list[bytes]:
    hashes = [_sha256(data) for data in files().values()]
    paths = keeper.cas.retrieve_files(hashes, scene.folder / "got", tier=TIER)
    return [path.read_bytes() for path in paths]


def _poison(damage: Callable[[bytes], bytes]) -> Callable[[Scene], object]:
    """Let other bytes stand under the name of SMALL, with metadata that calls them right."""

    def poison(scene: Scene) -> None:
        scene.truth.put(blob_key(_sha256(SMALL), TIER), damage(SMALL), claims=SMALL)

    return poison


def _stored(data: bytes) -> Callable[[Scene], object]:
    return lambda scene: _unharmed(scene).store_data(data, MEDIA_TYPE, tier=TIER)


def _many_stored(scene: Scene) -> None:
    _unharmed(scene).store_files(write_files(scene), MEDIA_TYPE, tier=TIER)


STORED_WORKS = {
    work.name: work
    for work in (
        Work(
            "store_data",
            "put",
            lambda by, _: str(by.cas.store_data(SMALL, MEDIA_TYPE, tier=TIER)),
            answer=lambda _: _sha256(SMALL),
            is_done=_is_stored(SMALL),
        ),
        Work(
            "store_file",
            "part",
            lambda by, at: _store_file(by, at, VAST),
            answer=lambda _: _sha256(VAST),
            is_done=_is_stored(VAST),
        ),
        Work(
            "store_again",
            "head",
            lambda by, _: str(by.cas.store_data(SMALL, MEDIA_TYPE, tier=TIER)),
            prepare=_stored(SMALL),
            answer=lambda _: _sha256(SMALL),  # it is there before and after, whatever happens
        ),
        Work(
            "heal_cut",
            "put",
            lambda by, _: str(by.cas.store_data(SMALL, MEDIA_TYPE, tier=TIER)),
            prepare=_poison(lambda data: data[:-1]),
            answer=lambda _: _sha256(SMALL),
            is_done=_is_stored(SMALL),
        ),
        Work(
            "heal_flipped",
            "put",
            lambda by, _: str(by.cas.store_data(SMALL, MEDIA_TYPE, tier=TIER)),
            prepare=_poison(lambda data: data[::-1]),
            answer=lambda _: _sha256(SMALL),
            is_done=_is_stored(SMALL),
        ),
        Work(
            "store_files",
            "put",
            _store_files,
            answer=lambda _: [_sha256(data) for data in files().values()],
            is_done=_is_stored(*files().values()),
        ),
        Work(
            "retrieve_data",
            "get",
            lambda by, _: by.cas.retrieve_data(_sha256(SMALL)),
            prepare=_stored(SMALL),
            answer=lambda _: SMALL,
        ),
        Work(
            "retrieve_file",
            "get",
            _retrieve_file,
            prepare=_stored(HALF_LARGE),
            answer=lambda _: HALF_LARGE,
        ),
        Work(
            "retrieve_files",
            "get",
            _retrieve_files,
            prepare=_many_stored,
            answer=lambda _: list(files().values()),
        ),
        Work(
            "read_range",
            "get",
            lambda by, _: by.cas.read_range(_sha256(HALF_LARGE), START, STOP, tier=TIER),
            prepare=_stored(HALF_LARGE),
            answer=lambda _: HALF_LARGE[START:STOP],
        ),
    )
}
