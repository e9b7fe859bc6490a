"""A small image set and a store on which the demo has run on it: made once, changed by no test."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cli.terminal import Answer, demo, write_images


@dataclass(frozen=True)
class FirstRun:
    """The first demo on the small image set."""

    images: Path
    store: Path
    answer: Answer
    facts: dict[str, Any]


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    folder = tmp_path_factory.mktemp("small")
    images, store = write_images(folder / "images"), folder / "store"
    answer, facts = demo(images, store)
    return FirstRun(images, store, answer, facts)


@pytest.fixture
def copied(tmp_path: Path, first_run: FirstRun) -> Callable[[], tuple[Path, Path]]:
    """Return a function that copies the small images and the store: what is known is reused."""

    def copy() -> tuple[Path, Path]:
        images, store = tmp_path / "images", tmp_path / "store"
        shutil.copytree(first_run.images, images)
        shutil.copytree(first_run.store, store)
        return images, store

    return copy
