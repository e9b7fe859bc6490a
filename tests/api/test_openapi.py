"""The OpenAPI document: programs may believe it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from api.here import Here, embedded
from hypothesis import HealthCheck, assume, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from skies import Shot

from astrid_sdk.api.identity.key_store import KeyStore
from astrid_sdk.api.identity.roles import roles_of

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
FEW = 30
FEWEST = 5  # each asks with wrong credentials too, and who does that too often gets another answer
PATIENCE_S = 60  # a shared machine is slow now and then
EVERYDAY = 100
ALWAYS = {"400", "401", "403", "422", "429", "500", "503"}
OPERATIONS = {
    "upload": ("post", "/storage/upload"),
    "download": ("get", "/storage/download/{content_hash}"),
    "download_head": ("head", "/storage/download/{content_hash}"),
    "delete": ("delete", "/storage/{content_hash}"),
    "metadata": ("get", "/storage/metadata/{content_hash}"),
    "find": ("get", "/storage/find"),
    "lineage": ("get", "/storage/lineage/{content_hash}"),
    "make_version": ("post", "/storage/datasets/{dataset_id}/version"),
    "versions": ("get", "/storage/datasets/{dataset_id}/versions"),
    "live": ("get", "/health/live"),
    "ready": ("get", "/health/ready"),
    "metrics": ("get", "/metrics"),
}


PLAIN = {"live", "ready", "metrics"}  # they take nothing that could be wrong


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with Here(embedded(tmp_path_factory.mktemp("fuzzed") / "store")) as here:
        image = Shot(night="2024-04-05", noise_seed=1).to_bytes()
        content_hash = here.put(image, tier="raw-observations", name="frame.fits")
        wanted = {"message": "m", "files": [{"content_hash": content_hash, "path": "a"}]}
        here.client.post("/storage/datasets/sn-train/version", json=wanted)
        yield here


@pytest.fixture(scope="module")
def document(service: Here) -> dict[str, Any]:
    found: dict[str, Any] = service.client.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def fuzzed(service: Here) -> Any:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


def _examples() -> int:
    """Return how many requests of each kind: few, or as many as the nightly profile says."""
    said = settings().max_examples
    return said if said > EVERYDAY else FEW


@pytest.mark.parametrize(
    ("operation_id", "kind"),
    [
        *((each, "good") for each in OPERATIONS),
        *((each, "bad") for each in OPERATIONS if each not in PLAIN),
    ],
)
def test_whatever_is_asked_is_answered_as_documented(
    fuzzed: Any, operation_id: str, kind: str
) -> None:
    method, path = OPERATIONS[operation_id]
    operation = fuzzed[path][method]
    mode = GenerationMode.POSITIVE if kind == "good" else GenerationMode.NEGATIVE

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=_examples(), suppress_health_check=SLOW, deadline=None)
    def ask(case: Any) -> None:
        assume(_can_be_said(case))
        case.call_and_validate(timeout=PATIENCE_S)

    ask()


def _can_be_said(case: Any) -> bool:
    """Return whether a form's name is a text: over the wire an object is one too, and a name."""
    is_form = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    return not is_form or isinstance(case.body.get("name", ""), str)


def test_the_document_is_one(document: dict[str, Any]) -> None:
    validate(document)


def test_every_operation_has_a_name_a_summary_and_its_answers(document: dict[str, Any]) -> None:
    told = {
        operation["operationId"]: (method, path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert told == OPERATIONS
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert {"400", "401", "403", "422", "429", "500", "503"} <= operation[
                "responses"
            ].keys()


def test_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and (path, status) != ("/health/ready", "503"):
                    assert list(response["content"]) == ["application/problem+json"], (method, path)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_it_says_who_needs_credentials_now(document: dict[str, Any], tmp_path: Path) -> None:
    ways: list[dict[str, list[str]]] = [{"bearer": []}, {"api_key": []}]
    assert document["security"] == [*ways, {}]
    for path in ("/health/live", "/health/ready"):
        assert document["paths"][path]["get"]["security"] == []
    session = embedded(tmp_path / "store")
    KeyStore.of(session).create("first", roles_of(["reader"]))
    with Here(session) as here:
        locked = here.client.get("/openapi.json").json()
    assert locked == {**document, "security": ways}


@pytest.mark.parametrize("operation_id", ["find", "versions", "metrics", "live"])
def test_where_credentials_are_needed_they_are_asked_for(tmp_path: Path, operation_id: str) -> None:
    session = embedded(tmp_path / "store")
    key = KeyStore.of(session).create("fuzzer", roles_of(["admin"]))[1].reveal()
    method, path = OPERATIONS[operation_id]
    with Here(session) as here:
        schema = schemathesis.openapi.from_url(f"{here.url}/openapi.json")
        operation = schema[path][method]

        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        @settings(max_examples=FEWEST, suppress_health_check=SLOW, deadline=None)
        def ask(case: Any) -> None:
            case.call_and_validate(headers={"X-API-Key": key}, timeout=PATIENCE_S)

        ask()


def test_no_parameter_may_be_null(document: dict[str, Any]) -> None:
    assert "null" not in str(
        [m.get("parameters") for p in document["paths"].values() for m in p.values()]
    )
