"""An OpenID Connect issuer on this machine: discovery, keys, and signed tokens."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from typing_extensions import override

AUDIENCE = "astrid"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class LocalIssuer:
    """Publishes keys and signs with them.

    Attributes
    ----------
    asked : list of str
        The paths that were asked for, in order.
    documents : dict of str to object
        What it answers by path; what is not there is a 404.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[str] = []
        self.documents: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
            },
            "/jwks": {"keys": []},
        }
        self.private: dict[str, tuple[Private, str]] = {}
        self.add_key("first", rsa.generate_private_key(65537, 2048), "RS256")

    @property
    def published(self) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = self.documents["/jwks"]["keys"]
        return keys

    @staticmethod
    def elsewhere(path: str) -> dict[str, str]:
        """Return the document that sends its readers to another path."""
        return {"elsewhere": path}

    def add_key(self, kid: str, private: Private, algorithm: str, **told: str) -> None:
        """Publish a key and sign with it from now on, where a token says so."""
        kinds: dict[str, Any] = {"RS": RSAAlgorithm, "PS": RSAAlgorithm, "ES": ECAlgorithm}
        kind = kinds.get(algorithm.rstrip("0123456789"), OKPAlgorithm)
        published = kind.to_jwk(private.public_key(), as_dict=True)
        self.private[kid] = (private, algorithm)
        self.published.append({**published, "kid": kid, **told})

    def token(self, kid: str = "first", **claims: Any) -> str:
        """Return a token that counts, with other claims where they are given (None: without)."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "iat": now,
            "exp": now + 600,
            "roles": ["observers"],
            **claims,
        }
        private, algorithm = self.private[kid]
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(kept, private, algorithm, {"kid": kid})


@contextmanager
def local_issuer() -> Iterator[LocalIssuer]:
    """Run an issuer behind a real socket."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            document = issuer.documents.get(self.path)
            place = document.get("elsewhere") if isinstance(document, dict) else None
            content = json.dumps(document).encode()
            self.send_response(404 if document is None else 302 if place else 200)
            if place:
                self.send_header("Location", place)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = LocalIssuer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join(10)
