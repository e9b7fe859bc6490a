"""What tells copies of an image: turned, mirrored, scaled, and no other image."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from astrid_sdk.datasets.splits.pixels import Likeness, Planes, likeness, outline, planes_of

Image = NDArray[np.float32]
Turn = Callable[[Image], Image]

TURNS: dict[str, Turn] = {
    "rot90": np.rot90,
    "rot180": lambda image: np.rot90(image, 2),
    "rot270": lambda image: np.rot90(image, 3),
    "left-right": lambda image: image[:, ::-1],
    "up-down": lambda image: image[::-1],
    "transposed": lambda image: image.T,
    "anti-transposed": lambda image: image[::-1, ::-1].T,
}


def stamps(seed: int, size: int = 31) -> Planes:
    images = np.random.default_rng(seed).normal(size=(3, size, size)).astype(np.float32)
    return list(images)


def found(one: Planes, other: Planes) -> Likeness | None:
    """Return the likeness of what agrees coarsely, as an audit does."""
    return likeness(one, other) if outline(one) and outline(one) == outline(other) else None


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("size", [31, 63, 64])
def test_a_turned_or_mirrored_copy_is_one(turn: Turn, size: int) -> None:
    original = stamps(1, size)
    assert found(original, [turn(plane) for plane in original]) == Likeness.COPY


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_a_scaled_and_shifted_copy_is_one_however_it_is_turned(turn: Turn) -> None:
    original = stamps(2)
    copy = [np.asarray(turn(plane) * 1.7 + 300, np.float32) for plane in original]
    assert found(original, copy) == Likeness.SCALED


def test_the_same_pixels_are_told_from_turned_ones() -> None:
    assert found(stamps(3), stamps(3)) == Likeness.PIXELS


def test_a_hole_in_the_image_turns_with_it() -> None:
    original = stamps(4)
    for plane in original:
        plane[:5, 3:] = np.nan
    assert found(original, [np.rot90(plane) for plane in original]) == Likeness.COPY


def test_other_noise_or_another_number_of_images_is_no_copy() -> None:
    assert found(stamps(5), stamps(6)) is None
    assert likeness(stamps(5), stamps(6)) is None
    assert likeness(stamps(5), stamps(5)[:2]) is None


def test_planes_turned_differently_are_no_copy() -> None:
    original = stamps(7)
    mixed = [np.rot90(original[0]), original[1], original[2]]
    assert found(original, mixed) is None


@pytest.mark.parametrize("value", [0.0, 1e6, np.nan])
def test_what_shows_nothing_is_like_nothing(value: float) -> None:
    assert outline([np.full((31, 31), value, np.float32)]) == ""
    assert outline([]) == ""
    assert outline([np.zeros((4, 400), np.float32)]) == ""


def test_a_star_on_nothing_is_found_wherever_it_turns() -> None:
    plane = np.zeros((31, 31), np.float32)
    plane[4, 9] = 100.0
    assert found([plane], [np.asarray(np.rot90(plane) * 2 + 1, np.float32)]) == Likeness.SCALED


def test_what_is_no_fits_image_has_no_planes() -> None:
    assert planes_of(b"PNG") == []
    assert planes_of(b"") == []


@settings(max_examples=50)
@given(
    image=arrays(
        np.float32,
        st.tuples(st.integers(16, 40), st.integers(16, 40)),
        elements=st.floats(-100, 100, width=32),
    ),
    turn=st.sampled_from(sorted(TURNS)),
)
def test_a_copy_of_anything_that_shows_something_agrees_coarsely(image: Image, turn: str) -> None:
    copy = np.ascontiguousarray(TURNS[turn](image))
    assert outline([image]) == outline([copy])
