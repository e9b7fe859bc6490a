"""A store with a raw frame and stamps that were cut from it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import astrid_sdk
from astrid_sdk.session import AstridSession


@pytest.fixture
def astrid(tmp_path: Path) -> Iterator[AstridSession]:
    with astrid_sdk.connect(tmp_path / "store") as session:
        yield session


@pytest.fixture
def raw(astrid: AstridSession) -> str:
    """A raw frame."""
    return str(
        astrid.cas.store_data(b"sky", "application/fits", tier="raw-observations", name="sky")
    )


@pytest.fixture
def template(astrid: AstridSession) -> str:
    """Another raw frame, behind the template of all stamps."""
    data = b"older sky"
    return str(astrid.cas.store_data(data, "application/fits", tier="raw-observations", name="old"))


@pytest.fixture
def stamps(astrid: AstridSession, raw: str, template: str) -> list[str]:
    """Three stamps of the raw frame."""
    step = astrid.step(cut, tier="detections")
    inputs = {"science": raw, "reference": template}
    made = [step(inputs, name=f"stamp {number}", number=number) for number in range(3)]
    return [derivation.outputs[0].content_hash for derivation in made]


def cut(inputs: Any, *, number: int) -> NDArray[np.float64]:
    return np.full(3, float(number + len(inputs.read("science"))))
