"""A ``multipart/form-data`` upload (RFC 7578) as it comes in: the file goes straight to the spool.

Starlette's own form reader would write the file to a temporary file first and hand that out.
"""

from collections.abc import Mapping
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from astrid_sdk.api.naming import file_name
from astrid_sdk.api.spool import BodySpool
from astrid_sdk.errors import InvalidInputError

FILE: Final = "file"
FIELDS: Final = ("tier", "name")
_MOST_FIELD_BYTES = 4096
_MOST_PARTS = 8
OVERHEAD_BYTES: Final = 64 << 10
"""How much longer than its file a form may be."""


class UploadForm:
    """Reads the parts of an upload: one ``file``, and the fields ``tier`` and ``name``.

    Parameters
    ----------
    content_type : str
        The request's, with the boundary.
    spool : BodySpool
        Where the file's bytes go.
    """

    def __init__(self, content_type: str, spool: BodySpool) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise _bad("its Content-Type names no boundary")
        self._spool = spool
        self._fields: dict[str, bytearray] = {}
        self._field: bytearray | None = None
        self._is_file = False
        self._parts = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._header = [b"", b""]
        self._is_due = False
        self._is_over = False
        self.file_name = ""
        self.file_type = ""
        self.has_file = False
        self._parser = self._made(boundary)

    def _made(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_begin": self._begin_header,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise _bad("its boundary is too long") from None

    def add(self, piece: bytes) -> bool:
        """Read a piece of the body; True says that a flush of the spool is due.

        Raises
        ------
        InvalidInputError
            ``kind="form"``: it is no such form, or has parts that no upload has; or the file is
            too large.
        """
        self._is_due = False
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _bad("it is not what RFC 7578 describes") from None
        return self._is_due

    def finish(self) -> Mapping[str, str]:
        """Return the fields that came, as text.

        Raises
        ------
        InvalidInputError
            ``kind="form"``: the form is not complete, or has no file.
        """
        if not self._is_over:
            raise _bad("it ends before its last boundary")
        if not self.has_file:
            raise _bad(f"it has no part called {FILE!r}")
        if not all(self._fields.values()):
            raise _bad("a field is empty, where it could be left out")
        try:
            return {name: bytes(value).decode() for name, value in self._fields.items()}
        except UnicodeDecodeError:
            raise _bad("a field is no UTF-8 text") from None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _bad("it has more parts than an upload has")
        self._headers = []

    def _begin_header(self) -> None:
        self._header = [b"", b""]

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _end_header(self) -> None:
        self._headers.append((self._header[0].lower(), self._header[1]))

    def _headers_finished(self) -> None:
        headers = dict(self._headers)
        _, options = parse_options_header(headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = name == FILE
        if self._is_file:
            self._begin_file(options, headers.get(b"content-type", b"").decode("latin-1"))
        elif name in FIELDS and name not in self._fields:
            self._field = self._fields[name] = bytearray()
        else:
            raise _bad(f"it takes one {FILE!r} and the fields {', '.join(FIELDS)}, each once")

    def _begin_file(self, options: Mapping[bytes, bytes], content_type: str) -> None:
        if self.has_file:
            raise _bad("it has more than one file: send each in a request of its own")
        self.has_file = True
        given = options.get(b"filename", b"").decode("utf-8", "replace")
        self.file_name = file_name(given) if given else ""
        self.file_type = content_type

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._is_due |= self._spool.add(data[start:end])
        elif self._field is not None:
            self._field += data[start:end]
            if len(self._field) > _MOST_FIELD_BYTES:
                raise _bad(f"a field has more than {_MOST_FIELD_BYTES} bytes")

    def _end(self) -> None:
        self._is_over = True


def _bad(why: str) -> InvalidInputError:
    return InvalidInputError(
        f"the form cannot be read: {why}; send it as curl -F file=@image.fits does", kind="form"
    )
