"""What the domain models promise: checked when made, equal by value, to tables and back."""

import io
import json
import math
import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.io.votable.ucd import check_ucd
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.catalog.models.arrow_models import ArrowModel
from astrid_sdk.catalog.models.detection import Detection, detection_id_of
from astrid_sdk.catalog.models.difference_image import DifferenceImage
from astrid_sdk.catalog.models.observation import Observation, ObservationFile, mjd_of, moment_of
from astrid_sdk.catalog.models.training_sample import TrainingSample
from astrid_sdk.catalog.pairs.known_transients import KnownTransient
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.pipeline.detections import DETECTION_COLUMNS

A, B, C = (letter * 64 for letter in "abc")
MODELS: list[type[ArrowModel]] = [
    Observation,
    DifferenceImage,
    Detection,
    TrainingSample,
    KnownTransient,
]

hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
words = st.text(min_size=1, max_size=12)
maybe_words = st.none() | words
numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe_numbers = st.none() | numbers
positives = st.none() | st.floats(0, 1e300)
ras, decs = st.floats(0, 360), st.floats(-90, 90)
places = st.none() | st.tuples(ras, decs)
maybe_places = places.map(lambda place: place or (None, None))
times = st.datetimes(
    datetime(1000, 1, 2),  # noqa: DTZ001 - the zone is drawn below
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5.5))]),
)


@st.composite
def observed(draw: st.DrawFn) -> Observation:
    others = st.builds(
        ObservationFile,
        role=st.sampled_from(["weight", "mask"]),
        content_hash=hashes,
        hdu_index=st.integers(0, 70),
        name=maybe_words,
    )
    image = ObservationFile("image", draw(hashes), draw(st.integers(0, 70)), draw(maybe_words))
    ra_deg, dec_deg = draw(maybe_places)
    return Observation(
        observation_id=draw(words),
        files=(*draw(st.lists(others, max_size=3)), image),
        tier=draw(maybe_words),
        object_name=draw(maybe_words),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        footprint=draw(st.none() | st.lists(st.tuples(ras, decs), min_size=3, max_size=6)),  # type: ignore[arg-type] # lists become tuples
        observation_time=draw(st.none() | times),
        midpoint_mjd_tai=draw(maybe_numbers),
        night=draw(maybe_words),
        filter_band=draw(maybe_words),
        exposure_time_s=draw(positives),
        survey=draw(maybe_words),
        pixel_scale_arcsec=draw(positives),
        seeing_arcsec=draw(positives),
        shape=draw(st.none() | st.tuples(st.integers(1, 2**31 - 1), st.integers(1, 9999))),
        bitpix=draw(st.none() | st.sampled_from([8, 16, 32, 64, -32, -64])),
        warnings=tuple(draw(st.lists(words, max_size=2))),
    )


@st.composite
def differenced(draw: st.DrawFn) -> DifferenceImage:
    ra_deg, dec_deg = draw(maybe_places)
    return DifferenceImage(
        draw(hashes),
        draw(hashes),
        draw(hashes),
        draw(hashes),
        science_observation_id=draw(maybe_words),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        observation_time=draw(st.none() | times),
        statistics=tuple(draw(st.dictionaries(words, numbers, max_size=4)).items()),
    )


@st.composite
def detected(draw: st.DrawFn) -> Detection:
    ra_deg, dec_deg = draw(maybe_places)
    difference, x, y = draw(hashes), draw(st.floats(-1, 1e5)), draw(st.floats(-1, 1e5))
    return Detection(
        detection_id=detection_id_of(difference, x, y),
        difference_hash=difference,
        x=x,
        y=y,
        snr=draw(numbers),
        is_negative=draw(st.booleans()),
        is_dipole=draw(st.booleans()),
        flags=draw(st.integers(0, 2**63 - 1)),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        psf_flux_njy=draw(maybe_numbers),
        fwhm_px=draw(positives),
        confidence_score=draw(st.none() | st.floats(0, 1)),
        human_label=draw(maybe_words),
    )


@st.composite
def sampled(draw: st.DrawFn) -> TrainingSample:
    ra_deg, dec_deg = draw(maybe_places)
    sources = tuple(draw(st.lists(hashes, max_size=3)))
    named = (draw(hashes), draw(words), draw(words), draw(maybe_words))
    return TrainingSample(*named, sources, ra_deg, dec_deg)


def known() -> st.SearchStrategy[KnownTransient]:
    return st.builds(KnownTransient, words, ras, decs, st.none() | times)


drawn: st.SearchStrategy[list[Any]] = st.one_of(
    *(st.lists(one(), max_size=4) for one in (observed, differenced, detected, sampled, known))
)


@given(drawn)
def test_models_come_back_from_arrow_and_parquet_as_they_were(models: list[Any]) -> None:
    for kind in {type(model) for model in models} or {Observation}:
        table = kind.to_arrow(models)
        assert kind.from_arrow(table) == models
        file = io.BytesIO()
        pq.write_table(table, file)
        assert kind.from_arrow(pq.read_table(file)) == models


@given(drawn)
def test_models_come_back_from_json_as_they_were(models: list[Any]) -> None:
    for model in models:
        text = json.dumps(model.to_json(), allow_nan=False)
        back = type(model).from_json(json.loads(text))
        assert back == model
        assert hash(back) == hash(model)
        assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301 - our own bytes


@pytest.mark.parametrize("kind", MODELS)
def test_every_column_says_what_it_means(kind: type[ArrowModel]) -> None:
    for field in kind.schema():
        told = {key.decode(): value.decode() for key, value in field.metadata.items()}
        assert told["description"]
        if "unit" in told:
            units.Unit(told["unit"])
        if "ucd" in told:
            assert check_ucd(told["ucd"], check_controlled_vocabulary=True), (field.name, told)


def test_detections_are_named_as_in_the_detections_file() -> None:
    schema = Detection.schema()
    for column in DETECTION_COLUMNS:
        assert check_ucd(column.ucd, check_controlled_vocabulary=True), column
        told = schema.field(column.name).metadata
        assert told[b"ucd"].decode() == column.ucd
        assert told.get(b"unit", b"").decode() == (column.unit or "")


IMAGE = ObservationFile("image", A)
SEEN = Observation("e1", (IMAGE,))
FOUND = Detection("d1", A, 1.0, 2.0, 5.0, is_negative=False)
MADE = DifferenceImage(A, B, C, A)
TAUGHT = TrainingSample(A, "real", "ada")
NOON = datetime(2024, 4, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "changes", "said"),
    [
        (SEEN, {"ra_deg": 360.5, "dec_deg": 0.0}, r"Observation.ra_deg cannot be 360.5: give ICRS"),
        (SEEN, {"ra_deg": 1.0, "dec_deg": -90.5}, r"Observation.dec_deg cannot be -90.5"),
        (SEEN, {"ra_deg": 1.0}, r"ra_deg=1.0, dec_deg=None: give both"),
        (SEEN, {"exposure_time_s": -1.0}, r"exposure_time_s cannot be -1.0: give a number of 0"),
        (SEEN, {"seeing_arcsec": math.nan}, r"seeing_arcsec cannot be nan: .* None where it is"),
        (SEEN, {"midpoint_mjd_tai": math.inf}, r"midpoint_mjd_tai cannot be inf"),
        (SEEN, {"midpoint_mjd_tai": 10**400}, r"midpoint_mjd_tai cannot be 1000"),
        (SEEN, {"midpoint_mjd_tai": "60000"}, r"midpoint_mjd_tai cannot be '60000'"),
        (SEEN, {"exposure_time_s": True}, r"exposure_time_s cannot be True"),
        (SEEN, {"observation_time": NOON.replace(tzinfo=None)}, r"with its time zone"),
        (SEEN, {"observation_time": "2024-04-05"}, r"observation_time cannot be '2024-04-05'"),
        (SEEN, {"bitpix": 12}, r"bitpix cannot be 12: give a FITS data type"),
        (SEEN, {"shape": (100,)}, r"shape cannot be \(100,\): give 2 values"),
        (SEEN, {"shape": (0, 5)}, r"shape cannot be \(0, 5\): give pixels"),
        (SEEN, {"footprint": ((0.0, 0.0), (1.0, 1.0))}, r"footprint cannot be .*: give 3 or more"),
        (SEEN, {"footprint": ((0.0,), (1.0,), (2.0,))}, r"give pairs of ra and dec"),
        (SEEN, {"observation_id": ""}, r"observation_id cannot be ''"),
        (SEEN, {"object_name": "\ud800"}, r"text that UTF-8 can write"),
        (SEEN, {"observation_id": None}, r"observation_id cannot be None"),
        (SEEN, {"files": ()}, r"files cannot be \(\): give 1 or more"),
        (SEEN, {"files": (IMAGE, IMAGE)}, r"cannot hold 2 images"),
        (SEEN, {"files": ("a.fits",)}, r"give ObservationFile"),
        (IMAGE, {"content_hash": A.upper()}, r"the whole hash, 64 lower-case hex digits"),
        (IMAGE, {"content_hash": A[:8]}, r"content_hash cannot be 'aaaaaaaa'"),
        (IMAGE, {"hdu_index": -1}, r"hdu_index cannot be -1"),
        (FOUND, {"x": None}, r"Detection.x cannot be None"),
        (FOUND, {"snr": math.nan}, r"Detection.snr cannot be nan"),
        (FOUND, {"confidence_score": 1.01}, r"confidence_score cannot be 1.01: .* from 0 to 1"),
        (FOUND, {"is_negative": 1}, r"is_negative cannot be 1: give True or False"),
        (FOUND, {"flags": 2**63}, r"flags cannot be"),
        (MADE, {"statistics": {"rms": math.nan}}, r"leave out what is unknown"),
        (MADE, {"derivation_key": "subtract"}, r"derivation_key cannot be 'subtract'"),
        (TAUGHT, {"source_hashes": A}, r"source_hashes cannot be '.*: give a sequence"),
        (TAUGHT, {"label": ""}, r"label cannot be ''"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(
    model: Any, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        replace(model, **changes)
    assert refused.value.kind == "model"


def test_a_model_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        SEEN.night = "2024-04-05"  # type: ignore[misc] # which is what is tested


def test_equal_values_are_equal_whatever_they_were_written_as() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-7)))
    one = replace(SEEN, ra_deg=10, dec_deg=np.float64(2), observation_time=there, shape=[3, 4])  # type: ignore[arg-type] # lists become tuples
    two = replace(SEEN, ra_deg=10.0, dec_deg=2.0, observation_time=NOON, shape=(3, 4))
    assert one == two
    assert hash(one) == hash(two)
    assert one.observation_time is not None
    assert one.observation_time.utcoffset() == timedelta(0)


def test_what_a_table_of_numbers_does_not_know_is_none() -> None:
    table = Detection.to_arrow([replace(FOUND, magnitude=20.0)])
    place = table.schema.get_field_index("magnitude")
    table = table.set_column(place, "magnitude", pa.array([math.nan]))
    assert Detection.from_arrow(table) == [FOUND]


def test_a_table_may_lack_what_may_be_unknown_and_hold_more() -> None:
    table = Detection.to_arrow([FOUND]).drop_columns(["magnitude", "flags"])
    assert Detection.from_arrow(table.append_column("mood", pa.array(["good"]))) == [FOUND]


def test_an_observation_written_before_warnings_were_kept_has_none() -> None:
    assert Observation.from_arrow(Observation.to_arrow([SEEN]).drop_columns(["warnings"])) == [SEEN]


def test_a_table_without_what_must_be_known_is_refused() -> None:
    with pytest.raises(
        InvalidInputError, match=r"no Detection can be read without difference_hash"
    ):
        Detection.from_arrow(Detection.to_arrow([FOUND]).drop_columns(["difference_hash"]))


def test_what_a_later_release_wrote_is_refused() -> None:
    table = Observation.to_arrow([SEEN])
    later = table.replace_schema_metadata({"astrid.model_version": "2"})
    for read in (
        lambda: Observation.from_arrow(later),
        lambda: Observation.from_json({**SEEN.to_json(), "model_version": 2}),
    ):
        with pytest.raises(InvalidInputError, match="upgrade astrid-sdk") as refused:
            read()
        assert refused.value.kind == "format_version"


def test_an_observation_gives_its_files_by_role() -> None:
    weight, mask = ObservationFile("weight", B, 2), ObservationFile("mask", C, 3)
    seen = Observation("e1", (weight, mask, IMAGE))
    assert seen.content_hash == A
    assert seen.file("weight") == weight
    assert [file.role for file in seen.files] == ["image", "mask", "weight"]
    assert seen == Observation("e1", (mask, IMAGE, weight))
    with pytest.raises(NotFoundError, match="has no weight: it has image"):
        SEEN.file("weight")


def test_mjd_is_the_start_of_the_exposure_in_utc() -> None:
    assert replace(SEEN, observation_time=datetime(2000, 1, 1, 12, tzinfo=UTC)).mjd == 51544.5
    assert SEEN.mjd is None
    assert mjd_of(moment_of(60405.5)) == 60405.5


def test_the_same_source_of_the_same_difference_has_one_id() -> None:
    assert detection_id_of(A, 1.0, 2.0) == detection_id_of(A, 1.0002, np.float64(2.0))
    assert detection_id_of(A, 1.0, 2.0) != detection_id_of(B, 1.0, 2.0)
    assert detection_id_of(A, -0.0, 0.0) == detection_id_of(A, 0.0, 0.0)


def test_a_sample_names_each_source_once() -> None:
    assert replace(TAUGHT, source_hashes=(B, A, B)).source_hashes == (A, B)


def test_a_difference_gives_a_number_by_name() -> None:
    made = replace(MADE, statistics=(("rms", 2.0), ("megapixels", 1)))
    assert made == replace(MADE, statistics={"megapixels": 1.0, "rms": 2})  # type: ignore[arg-type] # taken too
    assert (made.statistic("rms"), made.statistic("mode")) == (2.0, None)
