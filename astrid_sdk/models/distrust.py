"""What in a model's folder would run code when it is loaded.

Every file is looked at, whatever its name and whatever the model says it is: a pickle is one by
its bytes, also inside a zip file, behind compression, and as an array of objects. MLflow's model
files can name code as well: a loader that is not MLflow's, or files to put on Python's path.
"""

import bz2
import gzip
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.models.quiet import mlflow_module

MLMODEL = "MLmodel"
_PICKLE_NAMES = {
    *(".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pck"),
    *(".pt", ".pth", ".ckpt", ".torch", ".mar"),
}
_CODE_NAMES = {
    ".py",
    ".pyc",
    ".pyd",
    ".so",
    ".dll",
    ".dylib",
    ".ipynb",
    ".sh",
    ".jar",
    ".r",
    ".rds",
}
_GRAPH_NAMES = {".keras", ".h5", ".hdf5", ".pb"}  # may hold functions as code
_NPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_IMPORTS = {"GLOBAL", "INST"}
_IMPORTABLE = re.compile(r"[\w.]+ [\w.<>]+")
_CALLS = {"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
_MOST_OPCODES = 10_000
_LOOKED_AT_BYTES = 16 << 20
_DEEPEST = 3
_UNPACKERS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
    b"\x5d\x00\x00": lzma.open,
}
_ZLIB = {b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"ZF"}
_OLD_JOBLIB_HEADER = 21  # "ZF0x" and the length in hexadecimal
_LOADERS = "mlflow."


def reasons_to_distrust(folder: Path) -> list[str]:
    """Return what in `folder` would run code when it is loaded, as sentences; empty when nothing.

    Raises
    ------
    InvalidInputError
        The file ``MLmodel`` cannot be read.
    """
    reasons = [f"{name} {reason}" for name, reason in _in_files(folder)]
    return reasons + [f"{MLMODEL} {reason}" for reason in _in_flavours(flavours_of(folder))]


def flavours_of(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return what ``MLmodel`` says by flavour; empty where there is no such file.

    Raises
    ------
    InvalidInputError
        It is no such file.
    """
    path = folder / MLMODEL
    if not path.is_file():
        return {}
    yaml = mlflow_module("yaml")
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {str(name): dict(flavour) for name, flavour in said["flavors"].items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(f"{path.name} is no model file of MLflow", kind="model") from error


def _in_files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                reason = _judged(path.name, file, 0)
            if reason:
                yield path.relative_to(folder).as_posix(), reason


def _judged(name: str, file: IO[bytes], depth: int) -> str:
    """Return what is wrong with a file, "" when nothing is."""
    suffix = Path(name).suffix.lower()
    if suffix in _PICKLE_NAMES:
        return "is called as a pickle is"
    if suffix in _CODE_NAMES:
        return "is code"
    if suffix in _GRAPH_NAMES:
        return "may hold functions as code"
    return _judged_by_bytes(file, depth)


def _judged_by_bytes(file: IO[bytes], depth: int) -> str:
    head = file.read(6)
    file.seek(0)
    if head.startswith(_ZIP):
        return _judged_zip(file, depth)
    if head == _NPY:
        return _judged_array(file)
    if unpacked := _unpacked(head, file):
        return _judged_packed(unpacked, depth)
    return "is a pickle" if _is_pickle(file) else ""


def _judged_zip(file: IO[bytes], depth: int) -> str:
    if depth >= _DEEPEST:
        return "holds archives in archives"
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                with archive.open(member) as inner:
                    content = io.BytesIO(inner.read(_LOOKED_AT_BYTES))
                if reason := _judged(member.filename, content, depth + 1):
                    return f"holds {member.filename}, which {reason}"
    except (zipfile.BadZipFile, RuntimeError, zlib.error, NotImplementedError):
        return "is an archive that cannot be looked into"
    return ""


def _judged_packed(content: IO[bytes], depth: int) -> str:
    if depth >= _DEEPEST:
        return "holds archives in archives"
    reason = _judged_by_bytes(content, depth + 1)
    return f"is compressed and {reason}" if reason else ""


def _judged_array(file: IO[bytes]) -> str:
    formats = mlflow_module("numpy.lib.format")
    try:
        version = formats.read_magic(file)
        read = formats.read_array_header_1_0 if version == (1, 0) else formats.read_array_header_2_0
        _, _, dtype = read(file)
    except ValueError:
        return "is an array that cannot be looked into"
    return "is an array of Python objects, a pickle" if dtype.hasobject else ""


def _unpacked(head: bytes, file: IO[bytes]) -> IO[bytes] | None:
    """Return the beginning of what a compressed file holds; None where it is not compressed."""
    for magic, unpack in _UNPACKERS.items():
        if head.startswith(magic):
            try:
                return io.BytesIO(unpack(file).read(_LOOKED_AT_BYTES))
            except (OSError, EOFError, lzma.LZMAError, zlib.error):
                file.seek(0)
    if head[:2] in _ZLIB:
        return _inflated(head, file)
    return None


def _inflated(head: bytes, file: IO[bytes]) -> IO[bytes] | None:
    file.seek(_OLD_JOBLIB_HEADER if head.startswith(b"ZF") else 0)
    try:
        return io.BytesIO(zlib.decompressobj().decompress(file.read(), _LOOKED_AT_BYTES))
    except zlib.error:
        file.seek(0)
        return None


def _is_pickle(file: IO[bytes]) -> bool:
    """Return whether unpickling the bytes would do something before it ended or failed."""
    opcodes, calls = 0, False
    try:
        for opcode, argument, _ in pickletools.genops(file):
            if opcodes == 0 and opcode.stack_before:
                return False  # it fails at once: nothing is on the stack yet
            if opcode.name in _IMPORTS and not _IMPORTABLE.fullmatch(str(argument)):
                return False  # it fails here
            opcodes += 1
            calls = calls or opcode.name in _CALLS
            if opcode.name == "STOP" or opcodes > _MOST_OPCODES:
                return opcodes > 1
    except (ValueError, IndexError, OverflowError, MemoryError):
        return calls
    return calls


def _in_flavours(flavours: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, said in flavours.items():
        loader = str(said.get("loader_module") or f"{_LOADERS}{name}")
        if not loader.startswith(_LOADERS):
            yield f"names the loader {loader}"
        for key in ("code", "code_paths", "model_code_path", "python_model"):
            if said.get(key):
                yield f"puts the code {said[key]} on Python's path"
        if "pickle" in str(said.get("serialization_format", "")):
            yield f"says that {name} is a pickle"
