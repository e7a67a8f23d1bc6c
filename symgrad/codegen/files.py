"""Writes generated files: all or nothing, and never over a file that is not symgrad's.

In: a path and a generated text. Out: the file on disk.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from symgrad.codegen.generate import GENERATED_BY
from symgrad.errors import FileConflictError

#: How a comment starts in the files that symgrad writes: Python, HTML and Markdown, CSS, LaTeX.
_COMMENTS = ("# ", "<!-- ", "/* ", "% ")

#: How much of a file is read to find the header.
_HEAD = 300


def write(path: str | os.PathLike[str], source: str) -> None:
    """Write a generated text to a file, replacing an older one that symgrad generated.

    The text goes to a temporary file beside the target, which then takes its place: a reader sees
    the old file or the new one, never a part.

    Args:
        path: Where to write; missing folders are made.
        source: A text of `symgrad.codegen.generate`.

    Raises:
        FileConflictError: If the path holds something that symgrad did not generate.
    """
    target = Path(path)
    if not is_replaceable(target):
        raise FileConflictError(
            where=str(target),
            given="a file without the header of generated files",
            expected=f"no file, or one with {GENERATED_BY!r} in its first lines",
            fix="choose another path, or move the file away",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(source)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def is_replaceable(path: Path) -> bool:
    """Return whether a path is free, or holds a file that symgrad generated."""
    if not path.exists() and not path.is_symlink():
        return True
    return path.is_file() and is_generated(path)


def is_generated(path: Path) -> bool:
    """Return whether a file says in its first lines that symgrad wrote it."""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", errors="replace")
    marks = tuple(comment + GENERATED_BY for comment in _COMMENTS)
    return any(line.startswith(marks) for line in head.splitlines()[:3])


def _umask() -> int:
    """Return the umask of the process; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
