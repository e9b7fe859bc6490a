import numpy as np
import pytest
from pipeline.star_fields import expose, field, render, star_field

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.calibrate import calibrate
from astrid_sdk.pipeline.coadd import coadd
from astrid_sdk.sky.frame import Frame


def frames(count: int, step: float = 1.3) -> list[Frame]:
    return [calibrate(field(30 + i, shift=(step * i, -step * i / 2))) for i in range(count)]


def test_a_coadd_is_deeper_than_its_frames() -> None:
    parts = frames(5)
    together = coadd(parts)
    sky = np.median(np.abs(together.frame.data)) / np.median(np.abs(parts[0].data))
    assert together.used == (0, 1, 2, 3, 4)
    assert sky < 0.6
    assert together.frame.coverage is not None
    assert int(np.median(together.frame.coverage)) == 5


def test_the_bad_frame_is_left_out_with_its_reason() -> None:
    places, fluxes = star_field(seed=77)
    parts = [*frames(4), calibrate(expose(render(places, fluxes, 3.2), 9))]
    together = coadd(parts)
    assert together.used == (0, 1, 2, 3)
    assert [index for index, reason in together.rejected if reason] == [4]


def test_a_blurred_frame_is_left_out_with_its_reason() -> None:
    parts = [*frames(4), calibrate(field(50, fwhm_px=9.0))]
    assert [index for index, reason in coadd(parts).rejected if "wide" in reason] == [4]


def test_what_only_one_frame_shows_is_clipped() -> None:
    parts = frames(5, step=0.0)
    parts[2].data[100:103, 100:103] += 4000
    assert coadd(parts).frame.data[101, 101] < 300


def test_a_single_frame_passes_through() -> None:
    (only,) = frames(1)
    together = coadd([only])
    assert np.array_equal(together.frame.data, only.data)
    assert together.frame.coverage is not None
    assert (together.frame.coverage[only.good] == 1).all()


def test_drifting_frames_widen_the_field() -> None:
    together = coadd(frames(4, step=15.0))
    assert together.frame.shape[1] > 290


def test_no_frames_are_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        coadd([])
    assert caught.value.kind == "no_frames"


def test_the_same_frames_give_the_same_bytes() -> None:
    assert coadd(frames(3)).frame.to_fits() == coadd(frames(3)).frame.to_fits()
