"""What an S3 server may say, read strictly: anything else is no answer."""

import base64
import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from astrid_sdk.storage.http_message import HttpAnswer
from astrid_sdk.storage.operations import (
    NO_METADATA,
    Page,
    PartialUpload,
    StoredObject,
)

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_UNMET_RANGE = re.compile(r"bytes \*/(\d+)")
_META = "x-amz-meta-"
_NEEDS_WORDS = re.compile(r"[^ -~]|^ | $|=\?")
_XML_FAULTS = (ET.ParseError, KeyError, TypeError, ValueError)


class UnreadableError(Exception):
    """The answer is not what was asked for: `what` says what is missing."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def error_code(answer: HttpAnswer) -> str:
    """Return the S3 error code of an answer, "" where its body tells none."""
    if b"Error" not in answer.body or not answer.body.lstrip().startswith(b"<"):
        return ""
    try:
        root = ET.fromstring(answer.body.lstrip())  # noqa: S314 - expat, of a bounded answer
    except ET.ParseError:
        return ""
    if _name(root) != "Error":
        return ""
    return next((child.text or "" for child in root if _name(child) == "Code"), "")


def is_html(answer: HttpAnswer) -> bool:
    """Return whether something before the store answered with a page for people."""
    # An empty answer is no page, whatever it is called: moto calls its own so.
    is_empty = answer.headers.get("content-length") == "0"
    return not is_empty and "text/html" in answer.headers.get("content-type", "").lower()


def etag_of(answer: HttpAnswer) -> str:
    """Return the version mark, "" where there is none."""
    return answer.headers.get("etag", "").removeprefix("W/").strip('"')


def object_of(key: str, answer: HttpAnswer, size_bytes: int | None = None) -> StoredObject:
    """Return what the headers of a GET or HEAD say of the object.

    Raises
    ------
    UnreadableError
        They lack its size or its version mark.
    """
    headers = answer.headers
    if size_bytes is None:
        length = headers.get("content-length", "")
        if not length.isdigit():
            raise UnreadableError("the object's size")
        size_bytes = int(length)
    etag = etag_of(answer)
    if not etag:
        raise UnreadableError("the object's version mark")
    metadata = {
        name.removeprefix(_META): decoded(value)
        for name, value in headers.items()
        if name.startswith(_META)
    }
    return StoredObject(
        key,
        size_bytes,
        media_type=headers.get("content-type"),
        etag=etag,
        last_modified=_http_date(headers.get("last-modified", "")),
        user_metadata=MappingProxyType(metadata) if metadata else NO_METADATA,
    )


def range_of(answer: HttpAnswer) -> tuple[int, int, int]:
    """Return start, stop (excluded) and whole size of a partial answer.

    Raises
    ------
    UnreadableError
        Its Content-Range is missing or says nothing sensible.
    """
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if found is None:
        raise UnreadableError("the range that was asked for")
    start, last, size_bytes = (int(number) for number in found.groups())
    return start, last + 1, size_bytes


def page_of(answer: HttpAnswer, bucket: str, prefix: str, after: str) -> Page:
    """Return a page of a listing.

    Raises
    ------
    UnreadableError
        It is no whole listing of that prefix behind `after`: it would pass for an empty bucket,
        or the listing for one without end.
    """
    try:
        root = ET.fromstring(answer.body)  # noqa: S314 - expat, of a bounded answer
        if _name(root) != "ListBucketResult":
            raise UnreadableError("a listing")
        namespace = root.tag[: -len("ListBucketResult")]
        said = {child.tag: child.text or "" for child in root}
        if said[f"{namespace}Name"] != bucket:
            raise UnreadableError("a listing of this bucket")
        is_cut = {"true": True, "false": False}[said[f"{namespace}IsTruncated"]]
        encoded = said.get(f"{namespace}EncodingType") == "url"
        objects = [
            _listed(entry, namespace, encoded=encoded)
            for entry in root.iterfind(f"{namespace}Contents")
        ]
        if int(said[f"{namespace}KeyCount"]) != len(objects):
            raise UnreadableError("a complete listing")
    except _XML_FAULTS as error:
        raise UnreadableError("a complete listing") from error
    _check_order([found.key for found in objects], prefix, after)
    if is_cut and not objects:
        raise UnreadableError("a listing that goes on")
    return Page(objects, objects[-1].key if is_cut else None)


def upload_id_of(answer: HttpAnswer, key: str) -> str:
    """Return the id of an upload that was begun.

    Raises
    ------
    UnreadableError
    """
    said = _fields(answer, "InitiateMultipartUploadResult")
    if not said.get("UploadId") or said.get("Key", key) != key:
        raise UnreadableError("the upload that was begun")
    return said["UploadId"]


def result_etag_of(answer: HttpAnswer, root_name: str) -> str:
    """Return the version mark that a completed upload, or a copy, was given.

    Raises
    ------
    UnreadableError
        The body is empty, or an error in spite of its status.
    """
    etag = _fields(answer, root_name).get("ETag", "").strip('"')
    if not etag:
        raise UnreadableError("the new object's version mark")
    return etag


def uploads_of(answer: HttpAnswer, bucket: str) -> tuple[list[PartialUpload], tuple[str, str]]:
    """Return the uploads of one page, and the markers of the next ("" on the last).

    Raises
    ------
    UnreadableError
    """
    said = _fields(answer, "ListMultipartUploadsResult")
    if said.get("IsTruncated") not in {"true", "false"}:
        raise UnreadableError("a complete list of uploads")
    root = ET.fromstring(answer.body)  # noqa: S314 - it was parsed a moment ago
    found = []
    for entry in root:
        if _name(entry) == "Upload":
            told = {_name(child): child.text or "" for child in entry}
            begun = datetime.fromisoformat(told["Initiated"]).astimezone(UTC)
            found.append(PartialUpload(bucket, told["Key"], told["UploadId"], started_at=begun))
    if said["IsTruncated"] == "false":
        return found, ("", "")
    return found, (said.get("NextKeyMarker", ""), said.get("NextUploadIdMarker", ""))


def encoded(value: str) -> str:
    """Return a metadata value as a header can carry it: RFC 2047 words where it is not plain."""
    if not _NEEDS_WORDS.search(value):
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


def decoded(text: str) -> str:
    """Return metadata that is not plain ASCII as it was written."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError):
        return text


def _listed(entry: ET.Element, namespace: str, *, encoded: bool) -> StoredObject:
    said = {child.tag: child.text for child in entry}
    key = said[f"{namespace}Key"] or ""
    modified = said.get(f"{namespace}LastModified")
    return StoredObject(
        unquote_plus(key) if encoded else key,
        int(said[f"{namespace}Size"] or ""),
        etag=(said.get(f"{namespace}ETag") or "").strip('"') or None,
        last_modified=None if modified is None else datetime.fromisoformat(modified),
    )


def _check_order(keys: list[str], prefix: str, after: str) -> None:
    before = after
    for key in keys:
        # Code points and UTF-8 bytes have one order.
        if not key.startswith(prefix) or (key <= before and before):
            raise UnreadableError("a listing in order")
        before = key


def _fields(answer: HttpAnswer, root_name: str) -> Mapping[str, str]:
    try:
        root = ET.fromstring(answer.body.lstrip())  # noqa: S314 - expat, of a bounded answer
    except ET.ParseError as error:
        raise UnreadableError(root_name) from error
    if _name(root) != root_name:
        raise UnreadableError(root_name)
    return {_name(child): child.text or "" for child in root}


def _name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


@functools.lru_cache(maxsize=256)  # what was written together often has one time
def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
