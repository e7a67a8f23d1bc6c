"""Data sets, rows with labels or targets, from files alone: nothing is fetched.

In: a name, and a folder for a set that is not shipped. Out: a `Dataset` with a fixed split.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Labels = np.ndarray[Any, np.dtype[np.int64]]

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FASHION_HELP = (
    "apt-get install dataset-fashion-mnist (or, without root, apt-get download"
    " dataset-fashion-mnist && dpkg-deb -x dataset-fashion-mnist*.deb FOLDER), or give the folder"
    " that holds the idx files"
)


@dataclass(frozen=True)
class Dataset:
    """Rows with labels or targets, split into a training and a test part.

    Attributes:
        name: What the set is called.
        x_train: Training rows, shape [n, features]: images in 0..1, tables with mean 0 and
            variance 1.
        y_train: Their labels, shape [n], or targets, shape [n, 1], with mean 0 and variance 1.
        x_test: Test rows, on the same scale.
        y_test: Their labels or targets.
        classes: Number of classes; labels are below it. 0 for targets.
        image: Height and width of a row drawn as an image; None for a table.
    """

    name: str
    x_train: Floats
    y_train: Any
    x_test: Floats
    y_test: Any
    classes: int
    image: tuple[int, int] | None = None

    @property
    def features(self) -> int:
        """Number of values in a row."""
        return int(self.x_train.shape[1])

    def __str__(self) -> str:
        return f"{self.name}: {len(self.y_train)} rows to train on, {len(self.y_test)} to test on"


def load(name: str, path: str | Path | None = None, dtype: str = "float64") -> Dataset:
    """Return a data set with its fixed split.

    Args:
        name: "mnist5k" (4000/1000), "digits" (1438/359), "fashion-mnist" (60000/10000),
            "breast-cancer" (456/113), or, with targets, "diabetes" (354/88).
        path: Folder of a set that is not shipped with the package.
        dtype: The dtype of the rows.

    Raises:
        DatasetError: If there is no such set, or its files are missing or damaged.

    >>> print(load("digits"))
    digits: 1438 rows to train on, 359 to test on
    """
    loader = _LOADERS.get(name)
    if loader is None:
        raise DatasetError(
            where="the name of a data set",
            given=repr(name),
            expected=f"one of {', '.join(_LOADERS)}",
            fix="choose one of these",
        )
    if path is not None and name != "fashion-mnist":
        raise DatasetError(
            where=f"load({name!r}, path=...)",
            given=str(path),
            expected="no path: the set is shipped with the package",
            fix="leave the path out",
        )
    return loader(None if path is None else Path(path), np.dtype(dtype))


def hold_out(dataset: Dataset, count: int, seed: int = 0) -> Dataset:
    """Return the set with `count` training rows as its test part, stratified if there are classes.

    Settings are chosen on these rows, so that the real test part stays unseen.
    """
    if not 0 < count < len(dataset.y_train):
        raise DatasetError(
            where="hold_out",
            given=f"{count} rows",
            expected=f"between 1 and {len(dataset.y_train) - 1}",
            fix="hold out fewer rows than there are to train on",
        )
    rows = len(dataset.y_train)
    labels = dataset.y_train if dataset.classes else np.zeros(rows, np.int64)
    train, held = stratified_split(labels, count / rows, seed)
    return replace(
        dataset,
        x_train=dataset.x_train[train],
        y_train=dataset.y_train[train],
        x_test=dataset.x_train[held],
        y_test=dataset.y_train[held],
    )


def stratified_split(labels: Labels, share: float, seed: int) -> tuple[Labels, Labels]:
    """Return shuffled positions of two parts; the second has `share` of each class, rounded.

    >>> rest, part = stratified_split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=0)
    >>> len(rest), len(part)
    (6, 2)
    """
    rng = np.random.default_rng(seed)
    first: list[Labels] = []
    second: list[Labels] = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(rows))
        second.append(rows[:count])
        first.append(rows[count:])
    return rng.permutation(np.concatenate(first)), rng.permutation(np.concatenate(second))


def _split(name: str, x: Floats, y: Labels, image: tuple[int, int]) -> Dataset:
    train, test = stratified_split(y, 0.2, seed=0)
    return Dataset(name, x[train], y[train], x[test], y[test], int(y.max()) + 1, image)


def _mnist5k(_: Path | None, dtype: np.dtype[Any]) -> Dataset:
    with np.load(io.BytesIO(_shipped("mnist5k.npz"))) as arrays:
        x, y = arrays["x"], arrays["y"]
    rows = x.reshape(len(x), -1).astype(dtype) / 255
    return _split("mnist5k", rows, y.astype(np.int64), (28, 28))


def _digits(_: Path | None, dtype: np.dtype[Any]) -> Dataset:
    table = _table("digits.csv.gz")
    rows = table[:, :-1].astype(dtype) / 16
    return _split("digits", rows, table[:, -1].astype(np.int64), (8, 8))


def _breast_cancer(_: Path | None, dtype: np.dtype[Any]) -> Dataset:
    table = _table("breast-cancer.csv.gz")
    labels = table[:, -1].astype(np.int64)
    train, test = stratified_split(labels, 0.2, seed=0)
    x_train, x_test = (x.astype(dtype) for x in _scaled(table[train, :-1], table[test, :-1]))
    return Dataset("breast-cancer", x_train, labels[train], x_test, labels[test], classes=2)


def _diabetes(_: Path | None, dtype: np.dtype[Any]) -> Dataset:
    table = _table("diabetes.csv.gz")
    train, test = stratified_split(np.zeros(len(table), np.int64), 0.2, seed=0)
    rows, more = (part.astype(dtype) for part in _scaled(table[train], table[test]))
    return Dataset("diabetes", rows[:, :-1], rows[:, -1:], more[:, :-1], more[:, -1:], classes=0)


def _scaled(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Return both parts with the mean and the spread of the training part taken out."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / spread, (test - mean) / spread


def _table(file: str) -> Floats:
    return np.loadtxt(io.StringIO(gzip.decompress(_shipped(file)).decode()), delimiter=",")


def _shipped(file: str) -> bytes:
    return files("symgrad").joinpath("data", file).read_bytes()


def _fashion(path: Path | None, dtype: np.dtype[Any]) -> Dataset:
    folder = path or FASHION_FOLDER
    x_train = read_idx(_find(folder, "train-images-idx3-ubyte"), rank=3)
    x_test = read_idx(_find(folder, "t10k-images-idx3-ubyte"), rank=3)
    y_train = read_idx(_find(folder, "train-labels-idx1-ubyte"), rank=1)
    y_test = read_idx(_find(folder, "t10k-labels-idx1-ubyte"), rank=1)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if len(x) != len(y):
            raise _damaged(folder, f"{len(x)} images and {len(y)} labels", "as many of both")
    return Dataset(
        "fashion-mnist",
        x_train.reshape(len(x_train), -1).astype(dtype) / 255,
        y_train.astype(np.int64),
        x_test.reshape(len(x_test), -1).astype(dtype) / 255,
        y_test.astype(np.int64),
        classes=10,
        image=(int(x_train.shape[1]), int(x_train.shape[2])),
    )


def _find(folder: Path, stem: str) -> Path:
    for candidate in (folder / stem, folder / f"{stem}.gz"):
        if candidate.is_file():
            return candidate
    raise DatasetError(
        where="the data set fashion-mnist",
        given=f"no file {stem} or {stem}.gz in {folder}",
        expected="the four idx files of Fashion-MNIST, packed or not",
        fix=_FASHION_HELP,
    )


def read_idx(path: Path, rank: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the array in an idx file of bytes, packed by gzip or not.

    Raises:
        DatasetError: If the file is damaged or holds something else.
    """
    raw = path.read_bytes()
    try:
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error), "a gzip file") from error
    head = 4 + 4 * rank
    if len(content) < head or content[:4] != bytes((0, 0, 8, rank)):
        raise _damaged(path, f"first bytes {content[:4]!r}", f"an idx file of bytes, rank {rank}")
    shape = struct.unpack(f">{rank}I", content[4:head])
    if len(content) - head != int(np.prod(shape)):
        given = f"{len(content) - head} bytes for shape {list(shape)}"
        raise _damaged(path, given, f"{int(np.prod(shape))} bytes")
    return np.frombuffer(content, dtype=np.uint8, offset=head).reshape(shape)


def _damaged(path: Path, given: str, expected: str) -> DatasetError:
    return DatasetError(where=str(path), given=given, expected=expected, fix=_FASHION_HELP)


_LOADERS: dict[str, Callable[[Path | None, np.dtype[Any]], Dataset]] = {
    "mnist5k": _mnist5k,
    "digits": _digits,
    "fashion-mnist": _fashion,
    "breast-cancer": _breast_cancer,
    "diabetes": _diabetes,
}
