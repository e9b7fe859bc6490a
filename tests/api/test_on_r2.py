"""The service on an S3 server: moto, as in all tests of the R2 client."""

from collections.abc import Iterator

import httpx
import pytest
from api.here import Here
from servers import MotoServer

from astrid_sdk.connecting import connect

CONTENT = b"\x00\x01" * 2_000_000


@pytest.fixture(scope="module")
def on_r2(moto_server: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ASTRID_STORE", str(tmp_path_factory.mktemp("home")))
        session = connect(config=moto_server.config("rest-service"))
        session.prepare()
        with Here(session) as here:
            yield here


def test_what_goes_in_comes_out_whole_and_in_part(on_r2: Here) -> None:
    content_hash = on_r2.put(CONTENT, tier="models", name="large.bin")
    url = f"/storage/download/{content_hash}"
    assert on_r2.client.get(url).content == CONTENT
    part = on_r2.client.get(url, headers={"Range": "bytes=1999999-2000002"})
    assert (part.status_code, part.content) == (206, CONTENT[1999999:2000003])
    assert on_r2.client.get(f"/storage/metadata/{content_hash}").json()["tier"] == "models"


def test_a_caller_may_be_sent_to_the_store_itself(on_r2: Here) -> None:
    content_hash = on_r2.put(CONTENT + b"!", tier="models")
    url = f"/storage/download/{content_hash}?redirect=presigned"
    answer = on_r2.client.get(url)
    assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
    assert httpx.get(answer.headers["location"]).content == CONTENT + b"!"


def test_nobody_is_sent_to_markup(on_r2: Here) -> None:
    page = {"file": ("a.html", b"<script>", "text/html")}
    content_hash = on_r2.client.post("/storage/upload", files=page).json()["content_hash"]
    answer = on_r2.client.get(f"/storage/download/{content_hash}?redirect=presigned")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"


def test_no_answer_holds_a_key_of_the_store(on_r2: Here, moto_server: MotoServer) -> None:
    for path in ("/health/ready", "/metrics", "/openapi.json", "/storage/find"):
        assert moto_server.secret_access_key not in on_r2.client.get(path).text
