"""A folder of generated files: written all or nothing file by file, or compared.

In: a folder and the text of each file. Out: the folder with these files and no older generated
ones, or how it differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.codegen.files import is_generated, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def fill(folder: Path, files: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Write files into a folder, and remove the files that symgrad wrote there before.

    Args:
        folder: Where to write; made if it is missing.
        files: The path in the folder and the text of each file.

    Returns:
        The paths of the files that were written, and of those that were removed.

    Raises:
        FileConflictError: If a path holds a file that symgrad did not write.
    """
    written = []
    for path, text in files:
        write(folder / path, text)
        written.append(path)
    removed = _others(folder, written)
    for path in removed:
        (folder / path).unlink()
    return written, removed


def differences(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Return what a folder would change by: `softmax.html: changed`; nothing if it is current."""
    found = []
    for path, text in files.items():
        file = folder / path
        if not file.is_file():
            found.append(f"{path}: missing")
        elif file.read_bytes() != text.encode():
            found.append(f"{path}: changed")
    return found + [f"{path}: no longer made" for path in _others(folder, files)]


def _others(folder: Path, paths: Iterable[str]) -> list[str]:
    """Return the generated files of a folder that are none of these."""
    known = set(paths)
    if not folder.is_dir():
        return []
    names = sorted(f.name for f in folder.iterdir() if f.is_file() and f.name not in known)
    return [name for name in names if is_generated(folder / name)]
