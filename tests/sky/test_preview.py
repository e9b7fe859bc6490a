import io

import numpy as np
import pytest
from PIL import Image

from astrid_sdk.sky.preview import Stretch, contact_sheet_png, image_png, stretch, triplet_png

RNG = np.random.default_rng(5)
SKY = RNG.normal(100.0, 3.0, (63, 63)).astype(np.float32)
STAR = SKY.copy()
STAR[30:33, 30:33] += 500.0
STAMPS = (STAR, SKY, STAR - SKY)


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def test_a_stretch_keeps_order_and_fills_the_range() -> None:
    grey = stretch(STAR)
    assert grey.dtype == np.uint8
    assert grey[31, 31] == 255
    assert grey[31, 31] > np.median(grey) > grey.min()


def test_masked_and_missing_pixels_do_not_spoil_a_stretch() -> None:
    spoilt, mask = STAR.copy(), np.zeros(STAR.shape, dtype=np.uint16)
    spoilt[:20, :20], mask[:20, :20] = 1e9, 1
    spoilt[50:, 50:] = np.nan
    assert Stretch.of(spoilt, mask).white < 1e4
    assert stretch(spoilt, mask)[60, 60] == 0


@pytest.mark.parametrize("value", [np.nan, 0.0, 7.0, np.inf])
def test_images_without_contrast_can_be_shown(value: float) -> None:
    flat = np.full((63, 63), value, dtype=np.float32)
    assert opened(triplet_png(flat, flat, flat, "flat")).size[0] > 0
    assert opened(image_png(flat, 100)).size == (100, 100)


def test_pictures_are_the_same_bytes_for_the_same_values() -> None:
    assert triplet_png(*STAMPS, "a") == triplet_png(*STAMPS, "a")
    assert image_png(STAR, 126, [(31, 31, "new")]) == image_png(STAR, 126, [(31, 31, "new")])


def test_a_triplet_is_three_panels_three_times_enlarged() -> None:
    picture = opened(triplet_png(*STAMPS, "SNR 12.5"))
    assert picture.mode == "P"
    assert picture.size == (3 * 3 * 63 + 4 * 6, 20 + 3 * 63 + 22)


def test_pictures_are_small() -> None:
    assert len(triplet_png(*STAMPS, "SNR 12.5")) < 30_000
    assert len(contact_sheet_png([(*STAMPS, "SNR 12.5")] * 8)) < 120_000


def test_rows_go_up() -> None:
    image = np.zeros((40, 40), dtype=np.float32)
    image[35, 5] = 100.0  # near the top, left
    picture = np.asarray(opened(image_png(image, 40)).convert("L"))
    assert divmod(int(picture.argmax()), 40) == (4, 5)


def test_a_mark_surrounds_its_pixel() -> None:
    plain = np.zeros((100, 200), dtype=np.float32)
    before = np.asarray(opened(image_png(plain, 200)))
    after = np.asarray(opened(image_png(plain, 200, [(150, 20, "")])))
    rows, columns = np.nonzero(before != after)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(150, abs=1)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(79, abs=1)


def test_larger_images_are_averaged_down_and_keep_their_proportions() -> None:
    assert opened(image_png(np.zeros((300, 600), np.float32), 200)).size == (200, 100)


def test_brighter_is_amber_and_fainter_is_blue() -> None:
    for sign, warm in ((1.0, True), (-1.0, False)):
        picture = opened(triplet_png(STAR, SKY, sign * (STAR - SKY), "")).convert("RGB")
        red, _, blue = np.asarray(picture)[20 + 3 * 31 + 1, 3 * 6 + 2 * 189 + 94]
        assert bool(red > blue) is warm


def test_a_contact_sheet_has_the_rows_it_needs() -> None:
    one = opened(contact_sheet_png([(*STAMPS, "a")], columns=3)).size
    five = opened(contact_sheet_png([(*STAMPS, "a")] * 5, columns=2)).size
    assert five == (2 * one[0] + 6, 3 * one[1] + 2 * 6)
    assert opened(contact_sheet_png([])).size == (1, 1)


def test_long_captions_and_letters_the_font_lacks_do_no_harm() -> None:
    caption = "\u03c3 \u2605 " + "x" * 500
    assert opened(triplet_png(*STAMPS, caption)).size == opened(triplet_png(*STAMPS, "a")).size
