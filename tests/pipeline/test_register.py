import numpy as np
import pytest
import sep
from pipeline.star_fields import SHAPE, expose, field, render, star_field

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.calibrate import calibrate
from astrid_sdk.pipeline.register import register, warp
from astrid_sdk.sky.frame import Frame, MaskBit, RawImage


def with_wcs(raw: RawImage, crpix: tuple[float, float]) -> RawImage:
    header = raw.header.copy()
    cards = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 150.0,
        "CRVAL2": 2.0,
        "CD1_1": -1e-4,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 1e-4,
    }
    header.update(cards)
    header["CRPIX1"], header["CRPIX2"] = crpix
    return RawImage(raw.data, header)


def flux_of(frame: Frame, x: float, y: float) -> float:
    flux, _, _ = sep.sum_circle(frame.data, [x], [y], 6.0)
    return float(flux[0])


@pytest.mark.parametrize("shift", [(7.3, -4.6), (31.2, 18.8)])
def test_a_known_shift_is_recovered(shift: tuple[float, float]) -> None:
    found = register(calibrate(field(1)), calibrate(field(2, shift=shift)))
    places = np.array([[40.0, 40.0], [200.0, 60.0], [128.0, 220.0]])
    assert np.abs(found.map(places) - places - shift).max() < 0.1
    assert found.method == "stars"


def test_a_rotation_is_recovered() -> None:
    places, fluxes = star_field()
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = (places - 128) @ turn.T + 128
    found = register(calibrate(field(1)), calibrate(expose(render(turned, fluxes, 3.2), 2)))
    probe = np.array([[60.0, 90.0], [150.0, 180.0]])
    assert np.abs(found.map(probe) - ((probe - 128) @ turn.T + 128)).max() < 0.1


def test_a_wcs_that_is_off_by_pixels_is_refined_on_stars() -> None:
    science = calibrate(with_wcs(field(1), (128.0, 128.0)))
    reference = calibrate(with_wcs(field(2, shift=(12.0, 5.0)), (143.0, 131.0)))
    found = register(science, reference)
    probe = np.array([[100.0, 100.0]])
    assert found.method == "wcs"
    assert np.abs(found.map(probe) - probe - (12.0, 5.0)).max() < 0.1


def test_aligned_frames_are_recognised_and_not_resampled() -> None:
    first, second = calibrate(field(1)), calibrate(field(2))
    found = register(first, second)
    assert found.method == "identity"
    assert np.array_equal(warp(second, found, first.shape).data, second.data)


def test_another_field_is_refused_with_its_reason() -> None:
    places, fluxes = star_field(seed=99)
    other = calibrate(expose(render(places, fluxes, 3.2), 2))
    with pytest.raises(InvalidInputError) as caught:
        register(calibrate(field(1)), other)
    assert caught.value.kind == "not_alignable"


def test_warping_keeps_flux_and_marks_what_lies_outside() -> None:
    science, reference = calibrate(field(1)), calibrate(field(2, shift=(20.4, 0.3)))
    warped = warp(reference, register(science, reference), SHAPE)
    places, fluxes = star_field()
    inside = (places > 40).all(axis=1) & (places < 215).all(axis=1) & (fluxes > 1e4)
    ratios = [flux_of(warped, x, y) / flux_of(science, x, y) for x, y in places[inside]]
    assert np.median(ratios) == pytest.approx(1, abs=0.01)
    assert (warped.mask[:, -18:] & MaskBit.NO_DATA).all()
    assert not (warped.mask[:-2, 20:200] & MaskBit.NO_DATA).any()


def test_registration_does_not_draw_lots() -> None:
    first, second = calibrate(field(1)), calibrate(field(2, shift=(31.2, 18.8)))
    once, again = (register(first, second).map.coefficients for _ in range(2))
    assert np.array_equal(once, again)
