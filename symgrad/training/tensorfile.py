"""Files in the safetensors format: named arrays, and strings by name.

In: arrays. Out: bytes, and back. Nothing in a file is ever executed. The layout is that of
https://github.com/huggingface/safetensors: eight bytes with the length of a JSON header, the
header, the arrays end to end. A damaged file is an error that says what is wrong with it.
"""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

_CODES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
_NAMES = {np.dtype(code): name for name, code in _CODES.items()}
#: The largest header that the format allows.
_LONGEST = 100_000_000


def pack(arrays: Arrays, texts: Mapping[str, str]) -> bytes:
    """Return a file that holds arrays and strings.

    >>> content = pack({"W": np.eye(2)}, {"note": "two by two"})
    >>> arrays, texts = unpack(content)
    >>> arrays["W"].tolist(), texts
    ([[1.0, 0.0], [0.0, 1.0]], {'note': 'two by two'})
    """
    header: dict[str, Any] = {"__metadata__": dict(texts)}
    body = bytearray()
    # The largest items come first, so that each begins at a multiple of its size.
    for name in sorted(arrays, key=lambda n: (-arrays[n].dtype.itemsize, n)):
        array = np.asarray(arrays[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        begin = len(body)
        body += little.tobytes()
        header[name] = {
            "dtype": _NAMES[little.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, len(body)],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(body)


def unpack(content: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays and strings of a file.

    Raises:
        ValueError: If the content is not a whole file of the format; the message says why.
    """
    header, body = _header(content)
    texts = header.pop("__metadata__", {})
    if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
        raise ValueError("metadata that are not strings")
    arrays: dict[str, NDArray[Any]] = {}
    end = 0
    for name, entry in sorted(header.items(), key=_first_byte):
        begin, last = entry["data_offsets"]
        dtype, shape = np.dtype(_CODES[entry["dtype"]]), tuple(entry["shape"])
        if begin != end or last - begin != prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} at bytes {begin} to {last} with shape {list(shape)}")
        if last > len(body):
            raise ValueError(f"{len(body)} bytes of arrays, where {name} ends at {last}")
        arrays[name] = np.frombuffer(body[begin:last], dtype).reshape(shape).copy()
        end = last
    if end != len(body):
        raise ValueError(f"{len(body)} bytes of arrays, where the last one ends at {end}")
    return arrays, texts


def _header(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header, each of its entries as the format wants it, and the bytes behind it."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > _LONGEST:
        raise ValueError("no safetensors header")
    if len(content) < 8 + length:
        raise ValueError(f"{len(content)} bytes, where the header ends at {8 + length}")
    text = content[8 : 8 + length].rstrip(b" ")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise ValueError("a header that is not a table")  # noqa: TRY004 (of a file, not of a call)
    if not (text.startswith(b"{") and text.endswith(b"}")):
        raise ValueError("a header with something around its table")
    for name, entry in header.items():
        if name != "__metadata__" and not _is_entry(entry):
            raise ValueError(f"a header with {name}: {str(entry)[:80]}")
    return header, content[8 + length :]


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or entry.get("dtype") not in _CODES:
        return False
    lists = entry.get("shape"), entry.get("data_offsets")
    whole = all(isinstance(n, list) and all(type(k) is int and k >= 0 for k in n) for n in lists)
    return whole and len(entry["data_offsets"]) == 2


def _first_byte(item: tuple[str, Any]) -> tuple[int, int]:
    begin, end = item[1]["data_offsets"]
    return begin, end
