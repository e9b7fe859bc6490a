"""The demo on real images with known transients."""

from pathlib import Path

import pytest
from cli.terminal import demo


@pytest.mark.scenes
@pytest.mark.parametrize("scene", ["sim1024", "eso085", "hatp32"])
def test_a_real_scene_is_searched_and_scored(scenes: Path, tmp_path: Path, scene: str) -> None:
    answer, facts = demo(scenes / scene, tmp_path / "store")

    frames = sorted(path.name for path in (scenes / scene / "science").iterdir())
    searched = [name for night in facts["nights"] for name in night["science_files"]]
    assert sorted(searched) == frames
    assert facts["skipped"] == []
    injected = sum(night["injected_snr10"] for night in facts["nights"])
    found = sum(night["found_snr10"] for night in facts["nights"])
    assert found >= 0.6 * injected > 0
    assert all(Path(path).stat().st_size > 0 for path in facts["pictures"])
    assert "SNR" in answer.out
