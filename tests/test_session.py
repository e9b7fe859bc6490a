"""What a session promises to the person who holds it."""

import subprocess
import sys
from pathlib import Path

import pytest
from skies import Shot

import astrid_sdk
from astrid_sdk.config import StorageConfig, child_environment
from astrid_sdk.errors import (
    AccessDeniedError,
    InvalidInputError,
    NotFoundError,
    QuotaExceededError,
    StorageUnavailableError,
)
from astrid_sdk.session import AstridSession

SECRET = "do-not-show-me"  # noqa: S105 - it opens nothing
HEAVY = "mlflow dagster pandas astropy boto3 deltalake pyarrow numpy"


@pytest.fixture
def astrid(tmp_path: Path) -> AstridSession:
    return astrid_sdk.connect(tmp_path / "store")


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    return Shot(size_px=64).write(tmp_path / "night" / "frame <1>.fits")


def config(**changes: object) -> StorageConfig:
    return StorageConfig(
        "account",
        "key-id",
        SECRET,
        "a-bucket",
        r2_endpoint_url="http://127.0.0.1:9",  # nobody listens there
        **changes,  # type: ignore[arg-type]  # any field
    )


def heavy_after(code: str) -> list[str]:
    show = f"import sys; print(*sorted(set('{HEAVY}'.split()) & set(sys.modules)))"
    root = Path(__file__).parents[1]
    environment = child_environment({"PYTHONPATH": str(root)})
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {show}"], env=environment, capture_output=True, check=True
    )
    return done.stdout.decode().split()


def test_importing_the_package_loads_no_heavy_library() -> None:
    assert heavy_after("import astrid_sdk") == []


def test_opening_a_store_loads_what_every_use_of_it_needs(tmp_path: Path) -> None:
    code = f"import astrid_sdk; astrid_sdk.connect({str(tmp_path / 'store')!r})"
    assert heavy_after(code) == ["deltalake", "numpy", "pyarrow"]


def test_work_with_a_store_waits_for_no_pandas(tmp_path: Path, frame: Path) -> None:
    code = f"""
import astrid_sdk
with astrid_sdk.connect({str(tmp_path / "store")!r}) as astrid:
    astrid.ingest({str(frame.parent)!r})
    (found,) = astrid.find(ra_deg=0.0, dec_deg=0.0, radius_deg=180.0, name="frame*")
    str(astrid.why(found.content_hash)), str(astrid.impact(found.content_hash))
    str(astrid.find(night="1999-01-01").why_empty), str(astrid.find(before="1999-01-01").why_empty)
    astrid.dvc.push_dataset(astrid.dvc.add_dataset({str(frame.parent)!r}, progress=False))
    astrid.dvc.pull_dataset("night", {str(tmp_path / "elsewhere")!r})
    astrid.delete(found.content_hash, reason="a test", force=True)
    astrid.restore(found.content_hash)
    astrid.catalog.rebuild()
"""
    assert "pandas" not in heavy_after(code + "pass")


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert sorted(astrid_sdk.__all__) == astrid_sdk.__all__
    for name in astrid_sdk.__all__:
        assert getattr(astrid_sdk, name).__doc__, name
    with pytest.raises(AttributeError, match="has no 'connekt'"):
        _ = astrid_sdk.connekt


def test_without_anything_it_opens_a_folder_here(tmp_path: Path) -> None:
    with astrid_sdk.connect() as astrid:
        content_hash = astrid.cas.store_data(b"x", "text/plain")
    assert astrid.home == tmp_path / ".astrid"
    with astrid_sdk.connect(".astrid") as again:
        assert again.cas.retrieve_data(content_hash) == b"x"


def test_a_private_store_is_gone_when_it_is_closed() -> None:
    with astrid_sdk.connect("memory://") as astrid:
        astrid.cas.store_data(b"x", "text/plain")
        home = astrid.home
        assert home.is_dir()
    assert not home.exists()


def test_a_folder_and_a_config_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="not both"):
        astrid_sdk.connect(tmp_path, config=config())


def test_it_shows_what_each_tier_holds(astrid: AstridSession, frame: Path) -> None:
    assert "nothing stored yet" in astrid._repr_mimebundle_()["text/html"]
    astrid.ingest(frame)
    astrid.cas.store_data(b"12345", "text/plain", tier="models")
    shown = astrid._repr_mimebundle_()
    assert "reachable" in shown["text/html"]
    assert "<td>raw-observations</td><td>1</td>" in shown["text/html"]
    assert "<td>models</td><td>1</td><td>5 B</td>" in shown["text/html"]
    assert str(astrid.home) in shown["text/plain"]


def test_it_never_shows_a_secret() -> None:
    astrid = astrid_sdk.connect(config=config(r2_session_token=f"{SECRET}-token"))
    assert SECRET not in repr(astrid)
    assert SECRET not in str(vars(astrid))


def test_switching_content_addressing_off_leaves_bytes_by_key() -> None:
    astrid = astrid_sdk.connect(config=config(content_addressing_enabled=False))
    with pytest.raises(InvalidInputError, match="ASTRID_CONTENT_ADDRESSING_ENABLED"):
        _ = astrid.cas
    assert "a-bucket" in astrid.r2.describe() + repr(astrid)


def test_writes_wait_for_a_store_that_is_away_and_the_session_says_so() -> None:
    with astrid_sdk.connect(config=config()) as astrid:
        assert "wait" not in repr(astrid)
        astrid.r2.upload_file("a-bucket", "temp/a", b"x", "text/plain")
        assert astrid.pending == 1
        assert "1 writes wait" in repr(astrid)
        assert "1 writes wait" in astrid._repr_mimebundle_()["text/html"]
        with pytest.raises(StorageUnavailableError, match="1 writes wait"):
            astrid.sync()


def test_a_folder_lets_nothing_wait(astrid: AstridSession) -> None:
    assert astrid.sync() == astrid.pending == 0


def test_a_folder_keeps_its_quotas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTRID_QUOTAS", "temp=10B")
    with astrid_sdk.connect(tmp_path) as astrid, pytest.raises(QuotaExceededError):
        astrid.cas.store_data(b"eleven bytes", "text/plain", tier="temp")


def test_a_quota_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTRID_QUOTAS", "tmp=10B")
    with pytest.raises(InvalidInputError, match="no tier is called 'tmp'"):
        astrid_sdk.connect("memory://")


def test_an_unknown_condition_is_refused_with_those_there_are(astrid: AstridSession) -> None:
    with pytest.raises(InvalidInputError, match=r"no condition colour: .*filter_band"):
        astrid.find(colour="blue")


def test_a_content_is_reached_by_what_tables_show(astrid: AstridSession, frame: Path) -> None:
    (file,) = astrid.ingest(frame).stored
    shown = f"{file.name}@{file.content_hash[:8]}"
    assert shown in repr(astrid.find())
    view = astrid.show(shown)
    assert "frame &lt;1&gt;.fits" in view._repr_mimebundle_()["text/html"]  # type: ignore[union-attr]
    assert astrid.cutout(shown, x=10, y=10, size_px=7).data is not None
    assert astrid.why(shown).root.origin == frame.as_uri()
    with pytest.raises(NotFoundError):
        astrid.show("0" * 64)


def test_what_is_excluded_can_still_be_shown_and_taken_back(
    astrid: AstridSession, frame: Path
) -> None:
    (file,) = astrid.ingest(frame).stored
    astrid.exclude(file.content_hash[:8], "trailed")
    assert len(astrid.find()) == 0
    assert astrid.show(file.content_hash[:8]).title == f"{file.name}@{file.content_hash[:8]}"
    astrid.include(file.content_hash[:8])
    assert len(astrid.find()) == 1


def test_saving_writes_the_very_bytes_and_overwrites_nothing(
    astrid: AstridSession, frame: Path, tmp_path: Path
) -> None:
    (file,) = astrid.ingest(frame).stored
    saved = astrid.save(file.content_hash, tmp_path / "out.fits")
    assert saved.read_bytes() == frame.read_bytes()
    with pytest.raises(InvalidInputError, match="is there already"):
        astrid.save(file.content_hash, saved)
    with pytest.raises(InvalidInputError, match="is a folder: name a file"):
        astrid.save(file.content_hash, tmp_path)


def test_preparing_says_whether_the_store_can_be_written(astrid: AstridSession) -> None:
    astrid.prepare()
    assert astrid.r2.list_files(astrid.bucket, "") == []


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((AccessDeniedError, InvalidInputError, astrid_sdk.AstridError)):
        astrid_sdk.connect(tmp_path / "file" / "store")
