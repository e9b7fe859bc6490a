"""The OpenAPI document: which answers a route may give, in words that programs read."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from astrid_sdk.api.identity.roles import OPERATIONS, Where
from astrid_sdk.api.naming import MOST_NAME_LETTERS, NAME_PATTERN, OCTETS, SERVED
from astrid_sdk.api.problems import MEDIA_TYPE
from astrid_sdk.api.schemas import Problem

Responses = dict[int | str, dict[str, Any]]

_PROBLEM: Final[Mapping[str, Any]] = {
    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
}
_WHY: Final[Mapping[int, str]] = {
    400: "The Host header names another service, or the body ended too early.",
    401: "Credentials are missing, or do not count.",
    403: "Your credentials do not allow this.",
    404: "It is not there, or you may not see it: nobody can tell which.",
    405: "The path takes other methods.",
    408: "The body came too slowly.",
    409: "What was asked does not go together, or not with what is there; `detail` says why.",
    411: "The body must tell its length.",
    413: "The body is larger than this service takes.",
    414: "The URL is too long.",
    415: "The body is packed: send it as it is.",
    416: "The range lies behind the end.",
    422: "The request cannot be used; `detail` or `errors` say why.",
    429: "Too many requests; `Retry-After` says when to come back.",
    431: "The headers are too large.",
    500: "The service failed; its log says why.",
    502: "The stored bytes are damaged, and were not handed out.",
    503: "The store is away, or too much is under way; `Retry-After` says when to come back.",
    504: "It took too long.",
    507: "The tier would hold more than it may.",
}
_ALWAYS: Final = (400, 401, 403, 414, 422, 429, 431, 500, 503, 504)
_RETRY: Final = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}

_SCHEMES: Final[Mapping[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a token of the OpenID Connect issuer that is configured.",
    },
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key, for programs that cannot set Authorization.",
    },
}

CONTENT: Final[Mapping[str, Any]] = dict.fromkeys((OCTETS, *sorted(SERVED - {OCTETS})), _BINARY)
"""The body of a download; bytes come first, for generators that look at one media type only."""

_FORM_FIELDS: Final[Mapping[str, Any]] = {
    "file": {"type": "string", "format": "binary", "description": "The content."},
    "tier": {"$ref": "#/components/schemas/Tier"},
    "name": {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_NAME_LETTERS,
        "description": "What people call it, a relative path; the file's own name by default.",
        "pattern": NAME_PATTERN,
    },
}
UPLOAD_BODY: Final[Mapping[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A form, or the content itself with any other media type.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": _FORM_FIELDS,
                    "additionalProperties": False,
                }
            },
            "application/octet-stream": _BINARY,
        },
    }
}


def answers(*statuses: int, **extra: dict[str, Any]) -> Responses:
    """Return the refusals that a route may answer with: these, and those of every route.

    Parameters
    ----------
    *statuses : int
    **extra
        Other responses, such as ``s206={...}``.
    """
    found: Responses = {
        status: {"description": _WHY[status], "content": dict(_PROBLEM)}
        for status in sorted({*_ALWAYS, *statuses})
    }
    for status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        found[status.value]["headers"] = _RETRY
    return {**{int(name[1:]): told for name, told in extra.items()}, **found}


def document(app: FastAPI, *, needs_credentials: bool) -> dict[str, Any]:
    """Return the OpenAPI document of `app`; what does not change in it is made once.

    Parameters
    ----------
    app : FastAPI
    needs_credentials : bool
        Whether callers need some now: the first API key of a store changes that.
    """
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        made["components"]["securitySchemes"] = dict(_SCHEMES)
        _without_nulls(made["paths"])
        _open_what_is(made["paths"])
        app.openapi_schema = made
    ways: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    return {**app.openapi_schema, "security": ways if needs_credentials else [*ways, {}]}


def _open_what_is(paths: Mapping[str, Any]) -> None:
    """Say of the operations that ask nobody for credentials that they do not."""
    for operation in (operation for path in paths.values() for operation in path.values()):
        if OPERATIONS[operation["operationId"]].where is Where.OPEN:
            operation["security"] = []


def _without_nulls(paths: Mapping[str, Any]) -> None:
    """Say of a parameter that may be left out only that: over the wire there is no null."""
    operations = (operation for path in paths.values() for operation in path.values())
    for parameter in (each for operation in operations for each in operation.get("parameters", ())):
        schema = parameter["schema"]
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema.update(kinds[0])
