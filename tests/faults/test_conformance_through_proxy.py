"""Every promise of a store, kept by `R2StorageClient` where R2's own rules are in force."""

import uuid
from collections.abc import Iterator

import pytest
from servers import MotoServer
from typing_extensions import override

from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.testing.conformance import ObjectStorageSuite
from astrid_sdk.testing.fault_proxy import FaultProxy
from astrid_sdk.testing.places import Place
from astrid_sdk.testing.r2_rules import R2Rules

BUCKET = "astrid-strict"


@pytest.fixture(scope="module")
def strict_store(moto_server: MotoServer) -> Iterator[R2StorageClient]:
    # As many writes of a key as anyone likes: the suite is about promises, not about patience.
    rules = R2Rules(writes_per_s=None)
    with FaultProxy(moto_server.endpoint_url, rules=rules) as proxy:
        client = R2StorageClient(moto_server.config(BUCKET, r2_endpoint_url=proxy.endpoint_url))
        yield client
        client.close()


class TestR2StorageClientWithinR2sRules(ObjectStorageSuite):
    @pytest.fixture
    @override
    def place(self, strict_store: R2StorageClient) -> Place:
        return Place.made(strict_store, f"astrid-{uuid.uuid4()}")

    @pytest.mark.skip("to moto every upload was begun in 2010")
    @override
    def test_young_uploads_are_not_swept(self, place: Place) -> None: ...
