"""The service in a thread of this process, behind a real socket; and stores to put behind it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from stores import BUCKET
from typing_extensions import override

from astrid_sdk.api.access import Authenticator, Caller, Credentials, Verb, everything
from astrid_sdk.api.application import create_app
from astrid_sdk.api.serving import server_of
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.errors import AccessDeniedError
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.stack import local_stack
from astrid_sdk.tiers import Tier

QUICK = {"freshness_s": 1e-6}


class Here:
    """A running service; a context manager."""

    def __init__(
        self,
        session: AstridSession,
        authenticator: Authenticator | None = None,
        **settings: Any,
    ) -> None:
        self.session = session
        self.settings = ApiSettings(**{**QUICK, **settings})
        self.app = create_app(session, self.settings, authenticator)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = server_of(self.app, self.settings)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    @property
    def service(self) -> Any:
        return self.app.state.service

    def __enter__(self) -> Self:
        self._thread.start()
        self.client = httpx.Client(base_url=self.url, timeout=60)
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the service did not start")
            threading.Event().wait(0.01)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(60)
        self._socket.close()
        self.session.close()

    def put(self, content: bytes, **query: str) -> str:
        """Upload a content and return its hash."""
        answer = self.client.post("/storage/upload", params=query, content=content)
        assert answer.status_code in {200, 201}, answer.text
        found: str = answer.json()["content_hash"]
        return found


def session_on(store: ObjectStorage, home: Path) -> AstridSession:
    """Return a session on any store, with the bucket made."""
    store.create_bucket(BUCKET)
    return AstridSession(store, BUCKET, home)


def embedded(folder: Path) -> AstridSession:
    """Return a session on an embedded store."""
    return session_on(local_stack(LocalStorageClient(folder)), folder)


@contextmanager
def served(session: AstridSession, **options: Any) -> Iterator[Here]:
    """Serve a session."""
    with Here(session, **options) as here:
        yield here


class Keys(Authenticator):
    """Knows a few callers by plain tokens: what the service needs of the real thing."""

    needs_credentials = True

    def __init__(self, **callers: Caller) -> None:
        self._callers = callers

    @override
    def recall(self, credentials: Credentials) -> Caller | None:
        token = credentials.token
        return None if token is None else self._callers.get(token.reveal())

    @override
    def authenticate(self, credentials: Credentials) -> Caller:
        raise AccessDeniedError("no such key", kind="unauthenticated")


def caller(name: str, **rights: str) -> Caller:
    """Return a caller: ``caller("ann", temp="read write")``; without rights one who may all."""
    given = {
        Tier.parse(tier.replace("_", "-")): frozenset(map(Verb, verbs.split()))
        for tier, verbs in rights.items()
    }
    return Caller(name, name, given or everything())
