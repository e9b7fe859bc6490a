"""The environment is read once, and a secret stays one."""

import copy
import dataclasses
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from astrid_sdk.config import (
    Secret,
    StorageConfig,
    child_environment,
    r2_is_configured,
    store_folder,
    tier_quotas,
)
from astrid_sdk.errors import InvalidInputError

HIDDEN = "hidden-value-3141"
ENVIRONMENT = {
    "ASTRID_R2_ACCOUNT_ID": "account",
    "ASTRID_R2_ACCESS_KEY_ID": "key-id",
    "ASTRID_R2_SECRET_ACCESS_KEY": HIDDEN,
    "ASTRID_R2_BUCKET_NAME": "astrid-storage",
}


def config(**changes: str) -> StorageConfig:
    return StorageConfig.from_environment(
        ENVIRONMENT | {f"ASTRID_{name.upper()}": value for name, value in changes.items()}
    )


class TestSecret:
    def test_it_shows_itself_only_when_asked(self) -> None:
        secret = Secret(HIDDEN)
        shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>9}"]
        shown += [str([secret]), str({"s": secret}), "%s %r" % (secret, secret)]  # noqa: UP031 - as logging does
        assert not any(HIDDEN in text for text in shown)
        assert secret.reveal() == HIDDEN

    def test_it_is_not_pickled(self) -> None:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(InvalidInputError):
                pickle.dumps(Secret(HIDDEN), protocol)
        with pytest.raises(InvalidInputError):
            pickle.dumps(config())

    def test_it_is_not_in_a_log_or_traceback(self, caplog: pytest.LogCaptureFixture) -> None:
        secret = Secret(HIDDEN)
        with pytest.raises(TypeError) as caught:
            int(secret)  # type: ignore[call-overload]  # fails with the secret among the locals
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        logging.getLogger("test").error("with %s", secret, exc_info=caught.value)
        assert HIDDEN not in "".join(shown.format())
        assert HIDDEN not in caplog.text

    def test_equal_values_are_equal_secrets(self) -> None:
        assert Secret(HIDDEN) == Secret(Secret(HIDDEN))
        assert hash(Secret(HIDDEN)) == hash(Secret(HIDDEN))
        assert Secret(HIDDEN) != Secret("other")
        assert Secret(HIDDEN) != HIDDEN
        assert copy.deepcopy(Secret(HIDDEN)) == copy.copy(Secret(HIDDEN))


class TestStorageConfig:
    def test_its_fields_are_the_agreed_ones_in_order(self) -> None:
        assert [field.name for field in dataclasses.fields(StorageConfig)] == [
            "r2_account_id",
            "r2_access_key_id",
            "r2_secret_access_key",
            "r2_bucket_name",
            "r2_region",
            "dvc_remote_url",
            "mlflow_artifact_root",
            "content_addressing_enabled",
            "deduplication_enabled",
            "r2_endpoint_url",
            "r2_session_token",
            "requests_per_s",
            "concurrency",
            "quotas",
            "mlflow_tracking_uri",
        ]

    def test_plain_text_is_wrapped_and_never_shown(self) -> None:
        given = StorageConfig("account", "key-id", HIDDEN, "bucket", r2_session_token=HIDDEN)
        assert given.secret_access_key == Secret(HIDDEN) == given.session_token
        shown = [repr(given), str(given), str(dataclasses.asdict(given)), str(vars(given))]
        assert not any(HIDDEN in text for text in shown)

    def test_defaults_follow_from_the_bucket(self) -> None:
        given = config()
        assert given.r2_region == "auto"
        assert given.endpoint_url == "https://account.r2.cloudflarestorage.com"
        assert given.dvc_remote_url == "s3://astrid-storage/datasets/dvc"
        assert given.mlflow_artifact_root == "s3://astrid-storage/artifacts/mlflow"
        assert given.content_addressing_enabled
        assert given.deduplication_enabled
        assert given.session_token is None

    def test_a_jurisdiction_is_part_of_the_host(self) -> None:
        given = config(r2_account_id="account.eu")
        assert given.endpoint_url == "https://account.eu.r2.cloudflarestorage.com"

    @pytest.mark.parametrize("account", ["evil.example/", "a b", "a@b", "account.us"])
    def test_an_account_that_would_be_another_host_is_refused(self, account: str) -> None:
        with pytest.raises(InvalidInputError):
            config(r2_account_id=account)

    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000", "https://s3.test"],
    )
    def test_https_or_loopback_is_accepted(self, url: str) -> None:
        assert config(r2_endpoint_url=url + "/").endpoint_url == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://storage.example",
            "http://127.0.0.1.evil.example",
            "ftp://localhost",
            "localhost:9000",
            f"https://user:{HIDDEN}@storage.example",
            f"https://storage.example/?token={HIDDEN}",
        ],
    )
    def test_other_endpoints_are_refused_without_repeating_them(self, url: str) -> None:
        with pytest.raises(InvalidInputError) as caught:
            config(r2_endpoint_url=url)
        assert HIDDEN not in str(caught.value)

    @pytest.mark.parametrize("name", ["r2_account_id", "r2_secret_access_key", "r2_bucket_name"])
    def test_an_empty_required_value_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidInputError, match=name):
            dataclasses.replace(config(), **{name: ""})  # type: ignore[arg-type]  # by name


class TestEnvironment:
    def test_every_field_has_its_variable(self) -> None:
        given = config(
            r2_region="weur",
            dvc_remote_url="s3://d",
            mlflow_artifact_root="s3://m",
            content_addressing_enabled="no",
            deduplication_enabled="False",
            r2_endpoint_url="https://r2.test",
            r2_session_token=HIDDEN,
            requests_per_s="12.5",
            concurrency="4",
            quotas="temp=10GiB, raw-observations = 2TiB:500000",
        )
        assert given == StorageConfig(
            "account",
            "key-id",
            HIDDEN,
            "astrid-storage",
            "weur",
            "s3://d",
            "s3://m",
            content_addressing_enabled=False,
            deduplication_enabled=False,
            r2_endpoint_url="https://r2.test",
            r2_session_token=HIDDEN,
            requests_per_s=12.5,
            concurrency=4,
            quotas={"temp": "10GiB", "raw-observations": "2TiB:500000"},
        )

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("requests_per_s", "fast"),
            ("requests_per_s", "0"),
            ("requests_per_s", "nan"),
            ("concurrency", "many"),
            ("concurrency", "0"),
            ("concurrency", "1.5"),
            ("quotas", "temp"),
            ("quotas", "temp="),
            ("quotas", "=10GiB"),
            ("quotas", "temp=1GiB,temp=2GiB"),
        ],
    )
    def test_a_number_or_quota_that_makes_no_sense_is_refused(self, name: str, text: str) -> None:
        with pytest.raises(InvalidInputError) as caught:
            config(**{name: text})
        assert caught.value.kind == "config"

    def test_quotas_are_read_for_a_store_without_a_configuration(self) -> None:
        assert tier_quotas({"ASTRID_QUOTAS": "temp=1GiB,models=:3"}) == {
            "temp": "1GiB",
            "models": ":3",
        }
        assert tier_quotas({}) == {}

    def test_a_configuration_can_be_hashed(self) -> None:
        assert hash(config(quotas="temp=1GiB")) == hash(config(quotas="temp=1GiB"))

    @pytest.mark.parametrize("missing", sorted(ENVIRONMENT))
    @pytest.mark.parametrize("empty", [True, False])
    def test_a_missing_or_empty_variable_is_named(self, missing: str, *, empty: bool) -> None:
        environ = {name: value for name, value in ENVIRONMENT.items() if name != missing}
        with pytest.raises(InvalidInputError) as caught:
            StorageConfig.from_environment(environ | ({missing: ""} if empty else {}))
        assert missing in str(caught.value)
        assert HIDDEN not in str(caught.value)
        assert not any(name in str(caught.value) for name in environ if name != missing)

    def test_a_word_that_is_neither_true_nor_false_is_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="ASTRID_DEDUPLICATION_ENABLED"):
            config(deduplication_enabled="perhaps")

    def test_any_r2_variable_means_that_r2_is_wanted(self) -> None:
        assert r2_is_configured(ENVIRONMENT)
        assert r2_is_configured({"ASTRID_R2_BUCKET_NAME": "only-this"})
        assert not r2_is_configured({"ASTRID_R2_BUCKET_NAME": "", "ASTRID_STORE": "x"})

    def test_the_process_environment_is_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        assert r2_is_configured()
        assert StorageConfig.from_environment() == config()

    def test_the_store_folder_is_a_path_or_nothing(self) -> None:
        assert store_folder({"ASTRID_STORE": "some/folder"}) == Path("some/folder")
        assert store_folder({"ASTRID_STORE": "~/x"}) == Path.home() / "x"
        assert store_folder({"ASTRID_STORE": ""}) is None

    def test_a_child_gets_a_copy_with_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ASTRID_TEST", "parent")
        child = child_environment({"ASTRID_MORE": "1"})
        assert child["ASTRID_TEST"] == "parent"
        assert child["ASTRID_MORE"] == "1"
        assert "ASTRID_MORE" not in child_environment({})
