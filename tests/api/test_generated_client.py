"""A client that a generator makes of the OpenAPI document can do what the service does."""

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from api.here import Here, embedded
from skies import Shot

from astrid_sdk.api.identity.key_store import KeyStore
from astrid_sdk.api.identity.roles import roles_of

NAME = "astrid_of_the_document"
IMAGE = Shot(night="2024-04-05", noise_seed=1).to_bytes()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Here, str]]:
    session = embedded(tmp_path_factory.mktemp("generated") / "store")
    made = KeyStore.of(session).create("client", roles_of(["admin"]))[1].reveal()
    with Here(session) as here:
        yield here, made


@pytest.fixture(scope="module")
def generated(
    key: tuple[Here, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("client")
    document, config = folder / "openapi.json", folder / "config.json"
    document.write_bytes(key[0].client.get("/openapi.json").content)
    config.write_text(json.dumps({"post_hooks": []}))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    where = ["--path", document, "--output-path", folder / NAME, "--config", config]
    done = subprocess.run([*command, *map(str, where)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in (done.stdout + done.stderr).upper()
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(NAME)
    finally:
        sys.path.remove(str(folder))


@pytest.fixture
def ask(key: tuple[Here, str], generated: ModuleType) -> Iterator[Any]:
    here, token = key
    with generated.AuthenticatedClient(here.url, token) as client:

        def call(operation: str, *arguments: Any, **named: Any) -> Any:
            module = importlib.import_module(f"{NAME}.api.{operation}")
            return module.sync(*arguments, client=client, **named)

        yield call


def _part(name: str) -> Any:
    """Return what the generated package calls `name`, as ``models.Tier``."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(f"{NAME}.{module}"), attribute)


def _file(name: str = "", content: bytes = IMAGE) -> Any:
    return _part("types.File")(payload=io.BytesIO(content), file_name=name or None)


def test_contents_go_up_and_come_back(ask: Any) -> None:
    raw = _part("models.Tier").RAW_OBSERVATIONS
    body = _part("models.UploadFilesBody")(file=_file("frame.fits"), tier=raw)
    stored = ask("contents.upload", body=body)
    assert (stored.size_bytes, stored.tier, stored.is_new) == (len(IMAGE), raw, True)
    assert not ask("contents.upload", body=_file(), tier=raw, name="frame.fits").is_new
    assert ask("contents.download", stored.content_hash).payload.read() == IMAGE
    told = ask("contents.metadata", stored.content_hash)
    assert (told.content_hash, told.names) == (stored.content_hash, ["frame.fits"])
    assert told.sky[0].night == "2024-04-05"


def test_searches_lineage_and_versions_are_typed(ask: Any) -> None:
    stored = ask("contents.upload", body=_file(), tier=_part("models.Tier").TEMP, name="a.fits")
    found = ask("catalogue.find", name=["a.fits"])
    assert [row.content_hash for row in found.items] == [stored.content_hash]
    assert ask("catalogue.lineage", stored.content_hash).root == stored.content_hash
    member = _part("models.VersionFile")(content_hash=stored.content_hash, path="a.fits")
    wanted = _part("models.NewVersion")(message="first", files=[member])
    made = ask("datasets.make_version", "sn-train", body=wanted)
    listed = ask("datasets.versions", "sn-train")
    assert [version.version for version in listed.items] == [made.version] == [1]
    refused = ask("contents.delete", stored.content_hash)
    assert (refused.code, refused.needed_by) == ("needed", ["sn-train v1"])
    assert ask("contents.delete", stored.content_hash, force=True, reason="a test").deleted_at


def test_refusals_are_typed(ask: Any, key: tuple[Here, str], generated: ModuleType) -> None:
    absent = ask("contents.metadata", "0" * 64)
    assert (absent.status, absent.code) == (404, "not_found")
    with generated.Client(key[0].url) as nobody:
        find = importlib.import_module(f"{NAME}.api.catalogue.find")
        assert find.sync(client=nobody).status == 401
        health = importlib.import_module(f"{NAME}.api.health.ready")
        assert health.sync(client=nobody).status.value == "ready"
