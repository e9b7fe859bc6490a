"""A browser that is led to a stored page saves it, and runs nothing of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from api.here import Here, embedded
from playwright.sync_api import Page, sync_playwright

PAGE = b"<!doctype html><title>evil</title><script>document.title = 'ran'</script>"

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Path) -> Iterator[Page]:
    arguments = ["--no-sandbox"] if sys.platform == "linux" else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser.new_page()
        browser.close()


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/pdf"])
def test_a_stored_page_is_saved_and_never_shown(
    page: Page, tmp_path: Path, media_type: str
) -> None:
    with Here(embedded(tmp_path / "store")) as here:
        file = {"file": ("evil.html", PAGE, media_type)}
        told = here.client.post("/storage/upload", files=file).json()
        url = f"{here.url}/storage/download/{told['content_hash']}"
        page.goto(f"{here.url}/health/live")
        with page.expect_download() as saved:
            page.evaluate("url => { window.location.href = url }", url)
        assert saved.value.suggested_filename == "evil.html"
        assert Path(saved.value.path()).read_bytes() == PAGE
        assert page.url == f"{here.url}/health/live"
        assert page.title() != "ran"
