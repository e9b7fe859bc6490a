import numpy as np
import pytest
from astropy.io import fits
from pipeline.star_fields import SHAPE, SKY, expose, field, render, star_field

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.calibrate import build_pattern, calibrate
from astrid_sdk.sky.frame import MaskBit, RawImage


def kind_of(raw: RawImage) -> str:
    with pytest.raises(InvalidInputError) as caught:
        calibrate(raw)
    return caught.value.kind


def test_the_sky_is_taken_off_and_its_noise_is_measured() -> None:
    frame = calibrate(field(1))
    noise = float(frame.header["SKYRMS"])
    assert abs(float(np.median(frame.data))) < 0.3 * noise
    assert float(frame.header["SKYLEVEL"]) == pytest.approx(SKY, rel=0.01)
    assert noise == pytest.approx(np.sqrt(SKY / 1.5 + 16), rel=0.05)
    assert frame.header["GAINSRC"] == "header"
    assert float(frame.header["FWHMPX"]) == pytest.approx(3.2, rel=0.1)


def test_a_large_galaxy_is_not_eaten_by_the_sky() -> None:
    rows, columns = np.indices(SHAPE)
    galaxy = 400 * np.exp(-np.hypot(columns - 128, rows - 128) / 18)
    places, fluxes = star_field()
    with_galaxy = calibrate(expose(render(places, fluxes, 3.2) + galaxy, 1))
    inner = np.hypot(columns - 128, rows - 128) < 40
    stars = calibrate(expose(render(places, fluxes, 3.2), 1))
    kept = float((with_galaxy.data - stars.data)[inner].sum() / galaxy[inner].sum())
    assert kept == pytest.approx(1, abs=0.1)


def test_hot_and_dead_pixels_and_bad_columns_are_masked() -> None:
    raw = field(2)
    raw.data[40, 50] += 3000
    raw.data[90:92, 120] += 2500
    raw.data[200, 30] = 0
    raw.data[:, 77] += 60
    bad = calibrate(raw).mask & (MaskBit.BAD | MaskBit.COSMIC_RAY)
    assert bad[40, 50]
    assert bad[90:92, 120].all()
    assert bad[200, 30]
    assert (bad[:, 77] != 0).mean() > 0.95


@pytest.mark.parametrize("fwhm_px", [1.7, 2.2, 3.2, 5.0])
def test_star_cores_are_not_eaten(fwhm_px: float) -> None:
    places, fluxes = star_field()
    frame = calibrate(expose(render(places, fluxes, fwhm_px), 3))
    x, y = np.rint(places).astype(int).T
    inside = (x > 1) & (y > 1) & (x < SHAPE[1] - 2) & (y < SHAPE[0] - 2)
    assert not frame.mask[y[inside], x[inside]].any()


def test_a_cosmic_ray_track_is_masked() -> None:
    raw = field(4, fwhm_px=3.5)
    for step in range(9):
        raw.data[60 + step, 150 + step // 2] += 900
    hit = calibrate(raw).mask[60:69, 150:155]
    assert (hit != 0).sum() >= 7


def test_saturated_stars_are_masked_without_a_card() -> None:
    places, fluxes = star_field()
    fluxes[:3] = 3e6
    places[:3] = [[60, 60], [180, 90], [120, 200]]
    raw = expose(render(places, fluxes, 3.2), 5)
    full = RawImage(np.minimum(raw.data, 60_000), raw.header)
    mask = calibrate(full).mask
    assert all(mask[y, x] & MaskBit.SATURATED for x, y in ((60, 60), (180, 90), (120, 200)))


def test_missing_pixels_are_marked_and_finite() -> None:
    raw = field(6)
    raw.data[:20, :20] = np.nan
    frame = calibrate(raw)
    assert (frame.mask[:20, :20] & MaskBit.NO_DATA).all()
    assert np.isfinite(frame.data).all()
    assert np.isfinite(frame.variance).all()


def test_an_empty_frame_is_refused_with_its_reason() -> None:
    assert kind_of(RawImage(np.full(SHAPE, np.nan, np.float32), fits.Header())) == "no_data"


def test_a_constant_frame_is_refused_with_its_reason() -> None:
    assert kind_of(RawImage(np.full(SHAPE, 7, np.float32), fits.Header())) == "constant"


def test_a_frame_without_stars_is_refused_with_its_reason() -> None:
    assert kind_of(expose(np.zeros(SHAPE), 7)) == "no_stars"


def test_a_stamp_is_refused_with_its_reason() -> None:
    assert kind_of(RawImage(np.ones((41, 51), np.float32), fits.Header())) == "too_small"


@pytest.mark.parametrize("gain", [None, 0.0, -1.0])
def test_a_useless_gain_is_replaced_by_an_estimate(gain: float | None) -> None:
    header: dict[str, float] = {} if gain is None else {"GAIN": gain}
    places, fluxes = star_field()
    frame = calibrate(expose(render(places, fluxes, 3.2), 8, header))
    assert frame.header["GAINSRC"] != "header"
    assert float(frame.header["GAINUSED"]) > 0


def test_prescan_is_masked_and_its_level_taken_off() -> None:
    raw = field(9)
    wide = np.full((SHAPE[0], SHAPE[1] + 20), 100, np.float32)
    wide[:, 20:] = raw.data + 100
    header = raw.header.copy()
    header["BIASSEC"], header["TRIMSEC"] = "[1:20,1:256]", "[21:276,1:256]"
    header["CRPIX1"], header["CRPIX2"] = 148.0, 128.0
    frame = calibrate(RawImage(wide, header))
    assert frame.shape == wide.shape
    assert (frame.header["CRPIX1"], frame.header["CRPIX2"]) == (148.0, 128.0)
    assert float(frame.header["SKYLEVEL"]) == pytest.approx(SKY, rel=0.02)
    assert (frame.mask[:, :20] & MaskBit.NO_DATA).all()
    assert not (frame.mask[:, 20:] & MaskBit.NO_DATA).any()


def test_a_section_of_another_image_is_ignored() -> None:
    raw = field(9)
    raw.header["TRIMSEC"] = "[1:2048,1:4096]"
    assert calibrate(raw).shape == SHAPE


def test_the_same_input_gives_the_same_bytes() -> None:
    assert calibrate(field(1)).to_fits() == calibrate(field(1)).to_fits()


def drifting(count: int, step: float) -> list[RawImage]:
    hot = np.random.default_rng(0).random(SHAPE) < 0.004
    raws = [field(20 + i, shift=(step * i, -0.7 * step * i)) for i in range(count)]
    return [
        RawImage(raw.data + np.where(hot, 200, 0).astype(np.float32), raw.header) for raw in raws
    ]


def test_a_pattern_holds_the_hot_pixels_and_no_stars() -> None:
    raws = drifting(8, 6.0)
    pattern = build_pattern(raws)
    hot = np.random.default_rng(0).random(SHAPE) < 0.004
    assert np.median(pattern.data[hot]) == pytest.approx(200, rel=0.05)
    assert np.abs(pattern.data[~hot]).max() < 100
    assert (calibrate(raws[3], pattern).mask != 0).mean() < 0.004


def test_a_pattern_needs_five_frames() -> None:
    with pytest.raises(InvalidInputError) as caught:
        build_pattern(drifting(4, 6.0))
    assert caught.value.kind == "too_few_frames"


def test_a_pattern_needs_moving_stars() -> None:
    with pytest.raises(InvalidInputError) as caught:
        build_pattern(drifting(6, 0.0))
    assert caught.value.kind == "no_drift"


def test_a_pattern_of_another_shape_is_refused() -> None:
    pattern = build_pattern(drifting(6, 6.0))
    with pytest.raises(InvalidInputError) as caught:
        calibrate(RawImage(field(1).data[:200], fits.Header()), pattern)
    assert caught.value.kind == "pattern_shape"
