import dataclasses

import numpy as np
import pytest
from astropy.io import fits
from pipeline.star_fields import SHAPE, expose, field, render, star_field

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.calibrate import calibrate
from astrid_sdk.pipeline.detect import DETECTION_COLUMNS, DetectionFlag, Detections, detect
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.subtract import subtract
from astrid_sdk.sky.frame import RawImage

NEW = np.array([[100.3, 40.7], [128.0, 124.5], [108.6, 224.2], [104.4, 160.1], [188.2, 172.6]])
FLUX = 3000.0


def science_with(
    flux: float, fwhm_px: float = 3.2, shift: tuple[float, float] = (0.0, 0.0)
) -> RawImage:
    places, fluxes = star_field()
    clear = np.array([np.hypot(*(places - new).T).min() > 6 for new in NEW])
    assert clear.all()
    image = render(places + np.array(shift), fluxes, fwhm_px)
    return expose(image + render(NEW + np.array(shift), np.full(len(NEW), flux), fwhm_px), 11)


def difference_of(science: RawImage, reference: RawImage) -> Difference:
    return subtract(calibrate(science), calibrate(reference))


def clean(found: Detections) -> Detections:
    return found.select(found.flags == 0)


def nearest(found: Detections, places: np.ndarray) -> np.ndarray:
    gaps = np.hypot(found.x[:, None] - places[:, 0], found.y[:, None] - places[:, 1])
    assert (gaps.min(axis=0) < 1).all()
    return np.asarray(gaps.argmin(axis=0))


@pytest.mark.parametrize(
    ("science_fwhm", "reference_fwhm", "tolerance"),
    # an undersampled PSF cannot be recentred without widening it
    [(3.2, 2.6, 0.03), (3.2, 3.2, 0.03), (2.6, 3.4, 0.03), (1.8, 1.6, 0.08)],
)
def test_injected_sources_come_back_with_their_flux(
    science_fwhm: float, reference_fwhm: float, tolerance: float
) -> None:
    science = science_with(FLUX, science_fwhm, shift=(3.4, -2.2))
    found = clean(detect(difference_of(science, field(12, fwhm_px=reference_fwhm))))
    index = nearest(found, NEW + np.array([3.4, -2.2]))
    ratio = found.psf_flux_adu[index] / FLUX
    assert np.median(ratio) == pytest.approx(1, abs=tolerance)
    assert not found.is_negative[index].any()
    assert len(found) <= len(NEW) + 1


def test_the_error_of_the_flux_is_its_scatter() -> None:
    found = detect(difference_of(science_with(FLUX), field(12)))
    index = nearest(found, NEW)
    pull = (found.psf_flux_adu[index] - FLUX) / found.psf_flux_err_adu[index]
    assert np.abs(pull).max() < 4


def test_what_faded_is_negative() -> None:
    found = clean(detect(difference_of(field(12), science_with(FLUX))))
    index = nearest(found, NEW)
    assert found.is_negative[index].all()
    assert (found.snr[index] < 0).all()


def test_identical_frames_give_no_detections() -> None:
    frame = calibrate(field(1))
    assert len(detect(subtract(frame, frame))) == 0


def test_two_exposures_of_one_sky_give_no_clean_detections() -> None:
    assert len(clean(detect(difference_of(field(1), field(2, fwhm_px=2.8))))) <= 1


def test_a_brighter_exposure_is_brought_to_the_science_scale() -> None:
    places, fluxes = star_field()
    deep = expose(render(places, 3 * fluxes, 2.8), 14)
    difference = difference_of(science_with(FLUX), deep)
    assert float(difference.header["FLUXSCAL"]) == pytest.approx(1 / 3, rel=0.03)
    found = detect(difference)
    ratio = found.psf_flux_adu[nearest(found, NEW)] / FLUX
    assert np.median(ratio) == pytest.approx(1, abs=0.04)


def test_a_hit_sharper_than_the_psf_is_flagged() -> None:
    difference = difference_of(field(1), field(2))
    difference.data[128, 128] += 25 * np.sqrt(difference.variance[128, 128])
    difference.score[128, 128] = 12
    found = detect(difference)
    hit = np.hypot(found.x - 128, found.y - 128).argmin()
    assert found.flags[hit] & DetectionFlag.SHARP


def test_a_difference_round_trips() -> None:
    difference = difference_of(science_with(FLUX), field(12))
    content = difference.to_fits()
    again = Difference.from_fits(content)
    for part in ("data", "variance", "mask", "score", "reference", "psf"):
        assert np.array_equal(getattr(again, part), getattr(difference, part))
    assert again.to_fits() == content
    assert again.megapixels == difference.megapixels


def test_something_else_is_not_a_difference() -> None:
    frame = calibrate(field(1))
    with pytest.raises(InvalidInputError) as caught:
        Difference.from_fits(frame.to_fits())
    assert caught.value.kind == "format_version"


def test_the_same_input_gives_the_same_bytes() -> None:
    contents = {difference_of(science_with(FLUX), field(12)).to_fits() for _ in range(2)}
    assert len(contents) == 1


def test_positions_are_null_without_a_wcs_and_true_with_one() -> None:
    science = science_with(FLUX)
    found = detect(difference_of(science, field(12)))
    assert np.isnan(found.ra_deg).all()
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0}
    cards |= {"CRPIX1": NEW[0, 0] + 1, "CRPIX2": NEW[0, 1] + 1}
    cards |= {"CD1_1": -1e-4, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-4}
    header = science.header.copy()
    header.update(fits.Header(list(cards.items())))
    found = detect(difference_of(RawImage(science.data, header), field(12)))
    first = nearest(found, NEW)[0]
    assert found.ra_deg[first] == pytest.approx(150, abs=3e-5)
    assert found.dec_deg[first] == pytest.approx(2, abs=3e-5)


@pytest.mark.parametrize(("system", "known"), [("AB", True), ("VEGA", False), ("", False)])
def test_njy_only_with_an_ab_zero_point(system: str, known: bool) -> None:  # noqa: FBT001
    science = science_with(FLUX)
    science.header["MAGZERO"], science.header["MAGSYS"] = 25.0, system
    found = detect(difference_of(science, field(12)))
    first = nearest(found, NEW)[0]
    assert np.isfinite(found.psf_flux_njy[first]) == known
    if known:
        assert found.magnitude[first] == pytest.approx(25 - 2.5 * np.log10(FLUX), abs=0.1)
        assert found.psf_flux_njy[first] / found.psf_flux_adu[first] == pytest.approx(
            363.1, rel=1e-3
        )


def test_every_column_has_its_unit_and_meaning() -> None:
    names = [column.name for column in dataclasses.fields(Detections)]
    assert [column.name for column in DETECTION_COLUMNS] == names
    found = detect(difference_of(science_with(FLUX), field(12)))
    assert {len(column) for column in found.columns().values()} == {len(found)}


def test_frames_that_do_not_overlap_are_refused() -> None:
    science = calibrate(field(1))
    blank = dataclasses.replace(science, mask=np.full(SHAPE, 8, dtype=np.uint16))
    with pytest.raises(InvalidInputError):
        subtract(science, blank)
