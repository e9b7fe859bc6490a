"""What the R2 client promises beyond `ObjectStorage`, and how it meets servers that lie."""

import dataclasses
import hashlib
import pickle
import socket
import threading
import traceback
import uuid
from collections.abc import Callable

import pytest
from scripted import (
    BODY,
    BODY_ETAG,
    BUCKET,
    HIDDEN,
    Answer,
    client_of,
    config_of,
    head_of,
    put,
    scripted,
)
from servers import MotoServer, R2Simulator

from astrid_sdk.config import Secret, child_environment
from astrid_sdk.errors import (
    AccessDeniedError,
    ConflictError,
    CorruptionError,
    InvalidInputError,
    StorageUnavailableError,
)
from astrid_sdk.storage.operations import (
    Get,
)
from astrid_sdk.storage.r2_client import R2StorageClient


def answer_once_and_go(listener: socket.socket) -> None:
    """Acknowledge one request, and accept no connection after it."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        listener.close()
        answer = f"HTTP/1.1 200 OK\r\nETag: {BODY_ETAG}\r\nContent-Length: 0\r\n"
        connection.sendall(f"{answer}Connection: close\r\n\r\n".encode())


class TestSecrets:
    def test_none_is_in_what_is_shown(self) -> None:
        client = client_of("https://r2.test")
        location = client.table_location(BUCKET, "objects")
        shown = [repr(client), str(client), client.describe(), repr(location), str(vars(client))]
        assert not any(HIDDEN in text or "key-id" in text for text in shown)
        assert "https://r2.test" in repr(client)
        assert BUCKET in repr(client)

    def test_none_is_pickled(self) -> None:
        with pytest.raises(InvalidInputError):
            pickle.dumps(client_of("https://r2.test"))

    def test_none_is_in_a_traceback_with_locals(self) -> None:
        client = client_of("http://127.0.0.1:1")
        with pytest.raises(StorageUnavailableError) as caught:
            client.download_file(BUCKET, "a")
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert HIDDEN not in "".join(shown.format())

    def test_none_is_left_in_the_process_environment(self, moto_server: MotoServer) -> None:
        before = child_environment({})
        R2StorageClient(moto_server.config(BUCKET)).create_bucket(BUCKET)
        assert child_environment({}) == before


class TestTableLocation:
    def test_it_carries_what_a_table_library_needs(self) -> None:
        location = client_of("http://127.0.0.1:9000").table_location(BUCKET, "objects")
        assert location.uri == f"s3://{BUCKET}/_catalog/objects"
        assert location.options["AWS_SECRET_ACCESS_KEY"] == Secret(HIDDEN)
        assert location.reveal_options() == {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
            "AWS_REGION": "auto",
            "AWS_ACCESS_KEY_ID": "key-id",
            "AWS_SECRET_ACCESS_KEY": HIDDEN,
            "AWS_CONDITIONAL_PUT": "etag",
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
            "AWS_ALLOW_HTTP": "true",
        }

    def test_http_is_not_allowed_beside_https(self) -> None:
        options = client_of("https://r2.test").table_location(BUCKET, "objects").options
        assert "AWS_ALLOW_HTTP" not in options

    def test_temporary_credentials_come_along(self) -> None:
        config = dataclasses.replace(config_of("https://r2.test"), r2_session_token="token-1")  # noqa: S106 - made up
        options = R2StorageClient(config).table_location(BUCKET, "objects").reveal_options()
        assert options["AWS_SESSION_TOKEN"] == "token-1"  # noqa: S105 - made up


class TestReading:
    def test_bytes_other_than_the_recorded_ones_are_not_handed_out(self) -> None:
        recorded = {"x-amz-meta-astrid-sha256": hashlib.sha256(BODY).hexdigest()}
        lying = Answer(200, b"bodY", {"ETag": '"odd"', **recorded})
        with scripted({"GET": lying}) as client, pytest.raises(CorruptionError):
            client.download_file(BUCKET, "a")

    @pytest.mark.parametrize(("start", "stop"), [(0, None), (1, 3)])
    def test_another_version_than_the_one_named_is_not_handed_out(
        self, start: int, stop: int | None
    ) -> None:
        told = {"ETag": '"new"', "Content-Range": "bytes 1-2/4"}
        careless = Answer(206, BODY[1:3], told) if stop else Answer(200, BODY, told)
        get = Get(bucket=BUCKET, key="a", start=start, stop=stop, etag="old")
        with scripted({"GET": careless}) as client, pytest.raises(ConflictError) as caught:
            client.perform(get)
        assert caught.value.kind == "changed"

    def test_bytes_that_the_version_mark_denies_are_not_handed_out(self) -> None:
        marked = {"ETag": BODY_ETAG}
        answers = {
            "PUT": Answer(200, headers=marked),
            "HEAD": head_of(len(BODY), **marked),
            "GET": Answer(200, b"bodY", marked),  # and no hash is recorded
        }
        with scripted(answers) as client:
            put(client)  # teaches that this server's marks are MD5s
            with pytest.raises(CorruptionError):
                client.download_file(BUCKET, "a")

    def test_a_body_that_breaks_off_is_an_outage(self) -> None:
        with (
            scripted({"GET": Answer(200, BODY, cut=5)}) as client,
            pytest.raises(StorageUnavailableError),
        ):
            client.download_file(BUCKET, "a")

    def test_a_server_that_ignores_the_range_is_not_believed(self) -> None:
        with (
            scripted({"GET": Answer(200, BODY)}) as client,
            pytest.raises(StorageUnavailableError),
        ):
            client.download_range(BUCKET, "a", 1, 2)

    def test_metadata_that_is_not_ascii_is_read(self) -> None:
        words = {"ETag": '"x"', "x_amz_meta_Observer": "=?UTF-8?Q?Mar=C3=ADa?="}
        with scripted({"HEAD": head_of(4, **words)}) as client:
            found = client.head(BUCKET, "a")
        assert found is not None
        assert found.user_metadata == {"observer": "María"}

    @pytest.mark.parametrize("status", [500, 503, 520])
    def test_an_outage_is_never_taken_for_a_missing_object(self, status: int) -> None:
        with scripted({"HEAD": Answer(status)}) as client:
            for look in (client.head, client.delete_file, client.get_file_metadata):
                with pytest.raises(StorageUnavailableError):
                    look(BUCKET, "a")


LISTING = """<?xml version="1.0"?><ListBucketResult>
<Name>{name}</Name><KeyCount>{count}</KeyCount><IsTruncated>{cut}</IsTruncated>
<Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>"""


class TestListing:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "<html><body>please log in</body></html>",
            "<ListBucketResult></ListBucketResult>",
            "<Error><Code>InternalError</Code></Error>",
            LISTING.format(name="another-bucket", count=1, cut="false"),
            LISTING.format(name=BUCKET, count=2, cut="false"),
            LISTING.format(name=BUCKET, count=1, cut="true"),  # and no token to go on with
            LISTING.format(name=BUCKET, count=1, cut="false")[:-9],
        ],
    )
    def test_an_answer_that_is_no_whole_listing_is_an_outage(self, body: str) -> None:
        with (
            scripted({"GET": Answer(200, body.encode())}) as client,
            pytest.raises(StorageUnavailableError),
        ):
            client.list_files(BUCKET, "")

    def test_a_whole_listing_is_believed(self) -> None:
        body = LISTING.format(name=BUCKET, count=1, cut="false")
        with scripted({"GET": Answer(200, body.encode())}) as client:
            assert client.list_files(BUCKET, "") == ["a"]


class TestReaching:
    def test_nothing_is_connected_before_the_first_call(self) -> None:
        R2StorageClient(config_of("https://r2.invalid"))

    def test_an_unreachable_endpoint_is_an_outage(self) -> None:
        client = client_of("http://127.0.0.1:1")
        actions: list[Callable[[], object]] = [
            lambda: put(client),
            lambda: client.head(BUCKET, "a"),
            lambda: client.list_files(BUCKET, ""),
        ]
        for action in actions:
            with pytest.raises(StorageUnavailableError) as caught:
                action()
            assert (caught.value.kind, caught.value.wrote) == ("unreachable", False)

    def test_a_write_that_cannot_be_confirmed_is_open(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer_once_and_go, args=(listener,))
            thread.start()
            client = client_of(f"http://127.0.0.1:{listener.getsockname()[1]}")
            with pytest.raises(StorageUnavailableError) as caught:
                put(client)
            thread.join()
        assert (caught.value.kind, caught.value.wrote) == ("unreachable", None)

    @pytest.mark.simulator
    @pytest.mark.parametrize("wrong", ["r2_access_key_id", "r2_secret_access_key"])
    def test_wrong_credentials_are_refused(self, r2_simulator: R2Simulator, wrong: str) -> None:
        bucket = r2_simulator.buckets[1]
        client = R2StorageClient(r2_simulator.config(bucket, **{wrong: HIDDEN}))
        actions: list[Callable[[], object]] = [
            lambda: client.upload_file(bucket, "a", b"", "text/plain"),
            lambda: client.download_file(bucket, "a"),
            lambda: client.head(bucket, "a"),
            lambda: client.list_files(bucket, ""),
        ]
        for action in actions:
            with pytest.raises(AccessDeniedError) as caught:
                action()
            assert HIDDEN not in str(caught.value)

    def test_other_aws_settings_of_the_machine_change_nothing(
        self, moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "somebody-elses")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-elses")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody-elses")
        bucket = f"astrid-{uuid.uuid4()}"
        client = R2StorageClient(moto_server.config(bucket))
        client.create_bucket(bucket)
        assert client.list_files(bucket, "") == []
