"""Promises of the simulated survey."""

import gzip
import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.simulate import (
    DEFAULT_EPOCHS,
    SimulatedFrame,
    Survey,
    SurveyParameters,
    simulate_survey,
    write_survey,
)
from astrid_sdk.pipeline.simulation.camera import bleed, make_defects
from astrid_sdk.pipeline.simulation.scene import Exposure
from astrid_sdk.pipeline.truth import TrueSource, read_truth

SMALL = SurveyParameters(
    shape=(440, 460),
    stars=130,
    galaxies=60,
    variable_stars=2,
    lasting_transients=3,
    transients_per_night=12,
    hot_pixels=40,
    bad_columns=2,
)
TWO_EPOCHS = (DEFAULT_EPOCHS[0], DEFAULT_EPOCHS[3])
HASH_OF_SURVEY = """
import hashlib, sys
from pathlib import Path
from astrid_sdk.pipeline.simulate import write_survey
sys.path.insert(0, sys.argv[2])
from test_simulate import SMALL
write_survey(SMALL, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def survey() -> Survey:
    return simulate_survey(SMALL)


@pytest.fixture(scope="module")
def written(survey: Survey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("survey")
    write_survey(survey, folder)
    return folder


def transients(survey: Survey, frame: SimulatedFrame) -> list[TrueSource]:
    here = [source for source in survey.truth if source.science_file == frame.file_name]
    return [source for source in here if source.kind != "variable"]


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_same_parameters_make_the_same_bytes_in_another_process(
    written: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", HASH_OF_SURVEY, str(tmp_path), str(Path(__file__).parent)]
    paths = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}
    subprocess.run(command, check=True, env={**paths, "OMP_NUM_THREADS": "1"})
    assert hashes(tmp_path) == hashes(written)


def test_another_seed_makes_another_survey(survey: Survey) -> None:
    other = simulate_survey(replace(SMALL, seed=7, galaxies=0))
    assert other.truth != survey.truth
    assert not np.array_equal(other.science[0].data, survey.science[0].data)


def test_a_survey_is_written_as_reference_science_and_truth(written: Path) -> None:
    assert list(hashes(written)) == [
        "reference/field042_20240301_r_001.fits",
        "reference/field042_20240301_r_002.fits",
        "reference/field042_20240301_r_003.fits",
        "science/field042_20240405_r_001.fits",
        "science/field042_20240408_r_001.fits.gz",
        "science/field042_20240411_r_001.fits.fz",
        "truth.csv",
    ]


def test_written_frames_hold_the_drawn_counts_whatever_their_packing(
    survey: Survey, written: Path
) -> None:
    for frame in survey.science:
        with fits.open(written / "science" / frame.file_name) as hdus:
            image = hdus[-1]
            assert np.array_equal(image.data, frame.data)
            assert image.header["DATE-OBS"] == frame.epoch.start_utc


def test_frames_are_sixteen_bit_like_a_camera_s(survey: Survey, written: Path) -> None:
    with fits.open(
        written / "science" / survey.science[0].file_name, do_not_scale_image_data=True
    ) as hdus:
        header = hdus[0].header
    assert (header["BITPIX"], header["BZERO"]) == (16, 32768)


def test_gzipped_frames_carry_no_time(survey: Survey) -> None:
    packed = survey.science[1].to_bytes()
    assert packed[4:8] == b"\0\0\0\0"
    assert gzip.decompress(packed).startswith(b"SIMPLE  =")


def test_files_carry_no_clock_and_no_checksum(written: Path) -> None:
    for path in written.rglob("*.fits*"):
        with fits.open(path) as hdus:
            for hdu in hdus:
                assert {"DATE", "CHECKSUM", "DATASUM"}.isdisjoint(hdu.header)


def test_headers_say_what_calibration_needs(survey: Survey) -> None:
    wanted = "OBJECT FILTER INSTRUME TELESCOP EXPTIME GAIN RDNOISE SATURATE MAGZERO AIRMASS SITELAT"
    for frame in (*survey.references, *survey.science):
        assert set(wanted.split()) <= set(frame.header)
        assert frame.header["IMAGETYP"] == "object"
        assert "east positive" in frame.header.comments["SITELONG"]


def test_the_two_dates_of_a_header_agree(survey: Survey) -> None:
    for frame in (*survey.references, *survey.science):
        mjd = Time(frame.header["DATE-OBS"], scale="utc").mjd
        assert abs(mjd - frame.header["MJD-OBS"]) * 86400 < 0.001


def test_the_world_coordinates_of_the_truth_are_its_pixels(survey: Survey) -> None:
    for frame in survey.science:
        wcs = WCS(frame.header)
        for source in transients(survey, frame):
            x, y = wcs.all_world2pix(source.ra_deg, source.dec_deg, 0)
            assert np.hypot(x - source.x, y - source.y) < 1e-3


def test_stars_lie_where_the_world_coordinates_say() -> None:
    for frame, centre in _lone_stars():
        dy, dx = np.mgrid[-4:5, -4:5]
        column, row = round(centre[0]), round(centre[1])
        around = frame.data[row - 15 : row + 16, column - 15 : column + 16].astype(float)
        stamp = (around - np.median(around))[11:20, 11:20]
        assert abs((stamp * dx).sum() / stamp.sum() + column - centre[0]) < 0.15
        assert abs((stamp * dy).sum() / stamp.sum() + row - centre[1]) < 0.15


def _lone_stars() -> list[tuple[SimulatedFrame, tuple[float, float]]]:
    """Return the brightest transient of each frame of an otherwise empty sky, and its place."""
    clean = replace(SMALL, hot_pixels=0, bad_columns=0, cosmic_rays_per_megapixel_s=0.0)
    made = simulate_survey(replace(clean, stars=0, galaxies=0, variable_stars=0))
    chosen = []
    for frame in made.science:
        brightest = max(transients(made, frame), key=lambda s: s.snr or 0.0)
        chosen.append((frame, (brightest.x, brightest.y)))
    return chosen


def test_each_night_has_the_transients_asked_for(survey: Survey) -> None:
    for frame in survey.science:
        assert len(transients(survey, frame)) == SMALL.transients_per_night


def test_transients_are_between_snr_5_and_50_and_many_above_10(survey: Survey) -> None:
    for frame in survey.science:
        snrs = [source.snr or 0.0 for source in transients(survey, frame)]
        assert 5.0 <= min(snrs) < 8.0
        assert 35.0 < max(snrs) <= 50.0
        assert sum(snr >= 10.0 for snr in snrs) >= 6


def test_transients_lie_in_galaxies_in_the_field_and_move(survey: Survey) -> None:
    for frame in survey.science:
        kinds = [source.kind for source in transients(survey, frame)]
        assert kinds.count("host") >= 3
        assert kinds.count("field") >= 3
        assert kinds.count("asteroid") == 1


def test_true_sources_keep_apart_and_off_the_edges(survey: Survey) -> None:
    ny, nx = SMALL.shape
    for frame in survey.science:
        here = [source for source in survey.truth if source.science_file == frame.file_name]
        places = np.array([(source.x, source.y) for source in here])
        apart = np.hypot(*(places[:, None] - places[None]).T) + 1e9 * np.eye(len(places))
        assert apart.min() > 20
        assert places.min() > 14
        assert (places.max(axis=0) < (nx - 15, ny - 15)).all()


def test_true_sources_avoid_the_defects_of_the_detector(survey: Survey) -> None:
    for source in survey.truth:
        assert not survey.bad_pixels[round(source.y), round(source.x)]


def test_some_transients_last_over_nights_with_a_light_curve(survey: Survey) -> None:
    nights: dict[tuple[float | None, float | None], list[float]] = {}
    for source in survey.truth:
        if source.kind in {"host", "field"}:
            nights.setdefault((source.ra_deg, source.dec_deg), []).append(source.snr or 0.0)
    lasting = [snrs for snrs in nights.values() if len(snrs) > 1]
    assert lasting
    assert all(len(set(snrs)) == len(snrs) for snrs in lasting)


def test_the_asteroid_moves_from_night_to_night(survey: Survey) -> None:
    track = [source for source in survey.truth if source.kind == "asteroid"]
    steps = np.diff([(source.ra_deg, source.dec_deg) for source in track], axis=0)
    assert (np.hypot(*steps.T) * 3600 > 10).all()


def test_the_nights_differ_in_seeing_sky_pointing_and_rotation() -> None:
    science = SurveyParameters().science
    for values in zip(*(_conditions(epoch.night) for epoch in science), strict=True):
        assert len(set(values)) == len(science)


def _conditions(night: str) -> tuple[object, ...]:
    epoch = next(epoch for epoch in DEFAULT_EPOCHS if epoch.night == night)
    return (
        epoch.seeing_arcsec,
        epoch.ellipticity,
        epoch.sky_mag_arcsec2,
        epoch.offset_px,
        epoch.rotation_deg,
    )


def test_the_point_spread_function_varies_mildly_over_the_field() -> None:
    exposure = Exposure(SurveyParameters(), DEFAULT_EPOCHS[3])
    widths = [exposure.fwhm_px(x, y) for x in (0, 512, 1023) for y in (0, 512, 1023)]
    assert 1.03 < max(widths) / min(widths) < 1.15


def test_defects_are_the_same_in_every_exposure(survey: Survey) -> None:
    defects = make_defects(SMALL)
    hottest = np.unravel_index(int(np.argmax(defects.dark_e_s)), SMALL.shape)
    for frame in (*survey.references, *survey.science):
        assert frame.data[hottest] > np.median(frame.data) + 100


def test_full_pixels_read_the_count_that_saturate_names() -> None:
    bright = replace(SMALL, zero_point_mag=26.0, epochs=TWO_EPOCHS)
    made = simulate_survey(bright)
    for frame in made.references:
        assert frame.data.max() == frame.header["SATURATE"]
        assert np.count_nonzero(frame.data == frame.header["SATURATE"]) > 3


def test_bleeding_spills_along_columns_and_keeps_the_charge() -> None:
    charge = np.zeros((21, 3))
    charge[10, 1] = 500.0
    spilt = bleed(charge, 100.0)
    assert spilt.sum() == charge.sum()
    assert spilt.max() == 100.0
    assert spilt[:, [0, 2]].sum() == 0.0
    assert list(spilt[7:14, 1]) == [0.0, 100.0, 100.0, 100.0, 100.0, 100.0, 0.0]


def test_what_bleeds_over_an_edge_is_lost() -> None:
    charge = np.zeros((3, 1))
    charge[0, 0] = 1000.0
    assert list(bleed(charge, 100.0)[:, 0]) == [100.0, 100.0, 100.0]


def test_the_stated_snr_is_what_a_matched_filter_measures() -> None:
    """In frames that need no registration and no matching of point spread functions."""
    made = simulate_survey(_ideal())
    pulls = [pull for frame in made.science for pull in _pulls(made, frame)]
    assert len(pulls) >= 36
    assert abs(np.mean(pulls)) < 4.0 / np.sqrt(len(pulls))
    assert 0.75 < np.std(pulls) < 1.3


def _pulls(made: Survey, frame: SimulatedFrame) -> list[float]:
    """Return by how many standard deviations each measured SNR differs from the true one."""
    planes = _difference(made, frame)
    here = [source for source in made.truth if source.science_file == frame.file_name]
    return [_measured_snr(made, frame, s, *planes) - s.snr for s in here if s.snr is not None]


def _ideal() -> SurveyParameters:
    """Return a survey whose epochs differ in noise and depth alone."""
    epochs = tuple(
        replace(
            epoch,
            seeing_arcsec=1.3,
            moffat_beta=3.0,
            ellipticity=0.0,
            offset_px=(0.0, 0.0),
            rotation_deg=0.0,
        )
        for epoch in DEFAULT_EPOCHS
    )
    return replace(
        SMALL, epochs=epochs, hot_pixels=0, bad_columns=0, cosmic_rays_per_megapixel_s=0.0
    )


def _difference(
    made: Survey, frame: SimulatedFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sky-subtracted difference and its variance, in electrons of `frame`."""
    gain, read_noise = made.parameters.gain_e_adu, made.parameters.read_noise_e
    electrons = gain * frame.data.astype(float)
    variance = electrons + read_noise**2
    difference = electrons - Exposure(made.parameters, frame.epoch).sky()
    for reference in made.references:
        ratio = frame.epoch.throughput_s / reference.epoch.throughput_s / len(made.references)
        counts = gain * reference.data.astype(float)
        difference -= ratio * (counts - Exposure(made.parameters, reference.epoch).sky())
        variance += ratio**2 * (counts + read_noise**2)
    return difference, variance


def _measured_snr(
    made: Survey,
    frame: SimulatedFrame,
    source: TrueSource,
    difference: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> float:
    exposure = Exposure(made.parameters, frame.epoch)
    column, row = round(source.x), round(source.y)
    half = 14
    psf = exposure.psf(source.x, source.y).drawImage(
        nx=2 * half + 1,
        ny=2 * half + 1,
        scale=1.0,
        method="no_pixel",
        offset=(source.x - column, source.y - row),
    )
    box = (slice(row - half, row + half + 1), slice(column - half, column + half + 1))
    noise = np.sqrt((psf.array**2 * variance[box]).sum())
    return float((psf.array * difference[box]).sum() / noise)


def test_too_few_transients_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least 12"):
        SurveyParameters(transients_per_night=5)


def test_a_tiny_field_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="64 x 300"):
        SurveyParameters(shape=(64, 300))


def test_a_survey_without_references_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="needs reference and science epochs"):
        SurveyParameters(epochs=SurveyParameters().science)


def test_a_field_too_crowded_for_its_transients_is_refused() -> None:
    tiny = replace(SMALL, shape=(256, 256), epochs=TWO_EPOCHS, stars=5, galaxies=0)
    with pytest.raises(InvalidInputError, match="no room"):
        simulate_survey(replace(tiny, transients_per_night=120))


def test_progress_is_told_frame_by_frame() -> None:
    told: list[str] = []
    simulate_survey(replace(SMALL, stars=5, galaxies=0, variable_stars=0), told.append)
    assert [line for line in told if line.startswith("drawing")] == [
        f"drawing {SMALL.file_name(epoch)}" for epoch in DEFAULT_EPOCHS
    ]


def test_the_written_truth_reads_back(survey: Survey, written: Path) -> None:
    read = read_truth(written / "truth.csv")
    assert [(s.science_file, s.kind) for s in read] == [
        (s.science_file, s.kind) for s in survey.truth
    ]
    assert np.allclose([s.x for s in read], [s.x for s in survey.truth], atol=1e-4)
