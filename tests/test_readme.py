"""The README's lines about storage do what they say."""

import re
from pathlib import Path
from typing import Any

from astropy.io import fits
from skies import Shot

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def block(word: str) -> str:
    """Return the README's Python example that has `word`."""
    examples: list[str] = BLOCK.findall((ROOT / "README.md").read_text())
    return next(text for text in examples if word in text)


def test_storage_by_itself(tmp_path: Path) -> None:
    nights = tmp_path / "nights"
    nights.mkdir()
    (nights / "one.fits").write_bytes(Shot().to_bytes())
    said: dict[str, Any] = {}
    exec(block("store_files"), said)  # noqa: S102 - our own page
    astrid, content_hash = said["astrid"], said["content_hash"]
    assert (tmp_path / "copy.fits").read_bytes() == Shot().to_bytes()
    assert astrid.cas.read_range(content_hash, 0, 6) == b"SIMPLE"
    with astrid.cas.open(content_hash) as file, fits.open(file) as hdus:
        assert hdus[0].data.shape == (Shot().size_px, Shot().size_px)
    assert any(key.endswith(content_hash) for key in astrid.r2.list_files(astrid.bucket, "raw-"))
    astrid.close()
