"""What is asked of a client in the table, and how one sees whether it was done."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults.players import PART_BYTES, Player
from faults.truth import Truth

from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

SMALL = bytes(range(256)) * 8
OLD = bytes(255 - byte for byte in SMALL)  # of the same length: a size alone tells nothing
LARGE = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(20_000))
HUGE = LARGE * (PART_BYTES // len(LARGE) + 1)
LISTED = tuple(f"{n:02d}.fits" for n in range(7))
START, STOP = 100, 1_100


@dataclasses.dataclass(frozen=True)
class Scene:
    """Where one case plays: a prefix of its own in a bucket, and a folder.

    `unharmed` prepares what stands there before anything goes wrong.
    """

    truth: Truth
    prefix: str
    folder: Path
    unharmed: ContentAddressedStorage | None = None

    @property
    def key(self) -> str:
        return f"{self.prefix}object.fits"

    @property
    def other(self) -> str:
        return f"{self.prefix}other.fits"


@dataclasses.dataclass(frozen=True)
class Work:
    """One thing asked.

    Parameters
    ----------
    name : str
    main : str
        The kind of request that the faults are about, as `Request.operation` names it.
    do : callable
    prepare : callable, optional
    answer : callable, optional
        What a success returns.
    is_done : callable, optional
        Whether the truth is as it must be after a success; None: nothing is written.
    """

    name: str
    main: str
    do: Callable[[Any, Scene], Any]
    prepare: Callable[[Scene], object] = lambda _: None
    answer: Callable[[Scene], Any] = lambda _: None
    is_done: Callable[[Scene], bool] | None = None


def _is(data: bytes) -> Callable[[Scene], bool]:
    return lambda scene: scene.truth.get(scene.key) == data


def _holds(data: bytes) -> Callable[[Scene], object]:
    return lambda scene: scene.truth.put(scene.key, data)


def _many(scene: Scene) -> dict[str, bytes]:
    return {f"{scene.prefix}{name}": SMALL + name.encode() for name in LISTED}


def _hold_many(scene: Scene) -> None:
    for key, data in _many(scene).items():
        scene.truth.put(key, data)


def _many_are_there(scene: Scene) -> bool:
    return all(scene.truth.get(key) == data for key, data in _many(scene).items())


def _download(player: Player, scene: Scene) -> bytes:
    content_hash = hashlib.sha256(LARGE).hexdigest()
    return player.download(scene.key, scene.folder / "fetched.fits", content_hash)


WORKS = {
    work.name: work
    for work in (
        Work("put", "put", lambda by, at: by.put(at.key, SMALL), is_done=_is(SMALL)),
        Work(
            "overwrite",
            "put",
            lambda by, at: by.put(at.key, SMALL),
            prepare=_holds(OLD),
            is_done=_is(SMALL),
        ),
        Work("create", "put", lambda by, at: by.create(at.key, SMALL), is_done=_is(SMALL)),
        Work(
            "replace",
            "put",
            lambda by, at: by.replace(at.key, SMALL, hashlib.md5(OLD).hexdigest()),  # noqa: S324
            prepare=_holds(OLD),
            is_done=_is(SMALL),
        ),
        Work("multipart", "part", lambda by, at: by.multipart(at.key, HUGE), is_done=_is(HUGE)),
        Work("batch", "put", lambda by, at: by.put_many(_many(at)), is_done=_many_are_there),
        Work(
            "get",
            "get",
            lambda by, at: by.get(at.key),
            prepare=_holds(SMALL),
            answer=lambda _: SMALL,
        ),
        Work(
            "range",
            "get",
            lambda by, at: by.range(at.key, START, STOP),
            prepare=_holds(SMALL),
            answer=lambda _: SMALL[START:STOP],
        ),
        Work("download", "get", _download, prepare=_holds(LARGE), answer=lambda _: LARGE),
        Work(
            "head",
            "head",
            lambda by, at: by.head(at.key),
            prepare=_holds(SMALL),
            answer=lambda _: len(SMALL),
        ),
        Work(
            "exists",
            "head",
            lambda by, at: by.exists(at.key),
            prepare=_holds(SMALL),
            answer=lambda _: True,
        ),
        Work(
            "list",
            "list",
            lambda by, at: by.list(at.prefix),
            prepare=_hold_many,
            answer=lambda at: list(_many(at)),
        ),
        Work(
            "delete",
            "delete",
            lambda by, at: by.delete(at.key) is not False,
            prepare=_holds(SMALL),
            answer=lambda _: True,
            is_done=lambda at: at.truth.get(at.key) is None,
        ),
        Work(
            "copy",
            "copy",
            lambda by, at: by.copy(at.other, at.key),
            prepare=lambda at: at.truth.put(at.other, SMALL),
            is_done=_is(SMALL),
        ),
    )
}
