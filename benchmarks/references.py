"""What the jobs cost without any client: the hash, and the bytes through plain sockets or files."""

import hashlib
import os
import shutil
import socket
import threading
from typing import ClassVar, Self
from urllib.parse import urlsplit

from typing_extensions import override

from benchmarks.contenders import Contender
from benchmarks.servers import Place

_PART_BYTES = 16 << 20
_PIECE_BYTES = 1 << 20
_CONNECTIONS = 4


class HashOnly(Contender):
    """SHA-256 of the large file, nothing else."""

    title = "hash only"
    works_on_folders = True

    def file_store(self) -> None:
        """Hash the file."""
        sha256_of_file(self.inputs.large)


class PlainCopy(Contender):
    """The system's own copy of a file, flushed to the disk."""

    title = "plain copy"
    works_on_folders = True
    works_on_servers = False

    def file_store(self) -> None:
        """Copy the file into the bucket's folder."""
        with self.inputs.large.open("rb") as source, self.destination.open("wb") as target:
            shutil.copyfileobj(source, target, _PIECE_BYTES)
            target.flush()
            os.fsync(target.fileno())


class RawSockets(Contender):
    """A multipart upload by hand: unsigned, unchecked, four connections, parts of 16 MiB.

    Only a server that asks for no signature takes it.
    """

    title = "raw sockets"
    modules: ClassVar[tuple[str, ...]] = ()

    @override
    @classmethod
    def missing(cls, place: Place) -> str | None:
        if place.endpoint is not None and not place.is_bare_http:
            return "needs a server on this machine"
        return super().missing(place)

    def file_store(self) -> None:
        """Upload the file."""
        path = f"/{self.place.bucket}/raw"
        with _Connection(self.place) as connection:
            begun = connection.ask("POST", f"{path}?uploads")
            upload = begun.split(b"<UploadId>")[1].split(b"<")[0].decode()
            starts = list(range(0, self.inputs.large.stat().st_size, _PART_BYTES))
            senders = [
                threading.Thread(target=self._send, args=(f"{path}?uploadId={upload}", starts))
                for _ in range(_CONNECTIONS)
            ]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            connection.ask("POST", f"{path}?uploadId={upload}")

    def _send(self, target: str, starts: list[int]) -> None:
        buffer = memoryview(bytearray(_PIECE_BYTES))
        with _Connection(self.place) as connection, self.inputs.large.open("rb") as file:
            while True:
                try:
                    start = starts.pop()
                except IndexError:
                    return
                size = os.fstat(file.fileno()).st_size
                stop = min(start + _PART_BYTES, size)
                number = start // _PART_BYTES + 1
                connection.begin("PUT", f"{target}&partNumber={number}", stop - start)
                while start < stop:
                    wanted = buffer[: min(_PIECE_BYTES, stop - start)]
                    count = os.preadv(file.fileno(), [wanted], start)
                    connection.send(buffer[:count])
                    start += count
                connection.answer()


class _Connection:
    """HTTP/1.1 as plainly as it can be spoken."""

    def __init__(self, place: Place) -> None:
        where = urlsplit(place.endpoint or "")
        self._host = where.netloc
        self._prefix = where.path.rstrip("/")
        self._socket = socket.create_connection((where.hostname, where.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, verb: str, target: str) -> bytes:
        self.begin(verb, target, 0)
        return self.answer()

    def begin(self, verb: str, target: str, length: int) -> None:
        head = (
            f"{verb} {self._prefix}{target} HTTP/1.1\r\nhost: {self._host}\r\n"
            f"content-length: {length}\r\n\r\n"
        )
        self._socket.sendall(head.encode())

    def send(self, piece: memoryview) -> None:
        self._socket.sendall(piece)

    def answer(self) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        status, *fields = head.lower().split(b"\r\n")
        if status.split()[1] != b"200":
            raise OSError(f"the server refused: {status.decode()}")
        length = next(int(field[15:]) for field in fields if field.startswith(b"content-length:"))
        while len(body) < length:
            body += self._more()
        return body

    def _more(self) -> bytes:
        piece = self._socket.recv(65536)
        if not piece:
            raise OSError("the server closed the connection")
        return piece


def sha256_of_file(path: os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, read once through one buffer."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - any path
        return hashlib.file_digest(file, "sha256").hexdigest()
