"""Data sets: real files, fixed splits, clear complaints."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes

from symgrad.errors import DatasetError
from symgrad.training.datasets import hold_out, load, read_idx, stratified_split

if TYPE_CHECKING:
    from pathlib import Path

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@pytest.mark.parametrize(
    ("name", "train", "test", "features"), [("mnist5k", 4000, 1000, 784), ("digits", 1438, 359, 64)]
)
def test_shipped_sets_have_their_fixed_split(
    name: str, train: int, test: int, features: int
) -> None:
    data, again = load(name), load(name, dtype="float32")
    assert data.x_train.shape == (train, features)
    assert data.x_test.shape == (test, features)
    assert (data.x_train.min(), data.x_train.max()) == (0.0, 1.0)
    assert sorted(set(data.y_train)) == list(range(10))
    assert data.image is not None
    assert data.features == data.image[0] * data.image[1]
    assert again.x_test.dtype == np.float32
    assert (again.y_test == data.y_test).all()


@pytest.mark.parametrize(
    ("name", "train", "test", "features", "classes"),
    [("breast-cancer", 456, 113, 30, 2), ("diabetes", 354, 88, 10, 0)],
)
def test_tables_are_scaled_by_their_training_rows(
    name: str, train: int, test: int, features: int, classes: int
) -> None:
    data = load(name)
    assert data.x_train.shape == (train, features)
    assert data.x_test.shape == (test, features)
    assert (data.classes, data.image) == (classes, None)
    columns = [data.x_train] if classes else [data.x_train, data.y_train]
    for column in columns:
        np.testing.assert_allclose(column.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(column.std(axis=0), 1, rtol=1e-12)
    assert 0 < abs(data.x_test.mean(axis=0)).max() < 0.5
    if not classes:
        assert data.y_train.shape == (train, 1)


def test_tables_are_those_of_scikit_learn() -> None:
    for name, theirs in (("breast-cancer", load_breast_cancer()), ("diabetes", load_diabetes())):
        data = load(name)
        x = np.concatenate((data.x_train, data.x_test))
        y = np.concatenate((data.y_train, data.y_test)).ravel()
        rows = (theirs.data - theirs.data.mean(axis=0)) / theirs.data.std(axis=0)
        mine = (x - x.mean(axis=0)) / x.std(axis=0)
        targets = theirs.target if data.classes else (theirs.target - theirs.target.mean())
        targets = targets if data.classes else targets / theirs.target.std()
        found = y if data.classes else (y - y.mean()) / y.std()
        both = [np.column_stack((a, b)).round(6) + 0.0 for a, b in ((rows, targets), (mine, found))]
        for table in both:
            table[:] = table[np.lexsort(table.T)]
        np.testing.assert_allclose(both[0], both[1], atol=2e-6)


def test_held_out_targets_are_a_partition() -> None:
    data = load("diabetes")
    held = hold_out(data, 54)
    assert len(held.y_test) == 54
    both = np.concatenate((held.y_train, held.y_test)).ravel()
    np.testing.assert_array_equal(np.sort(both), np.sort(data.y_train.ravel()))


def test_mnist5k_is_stratified_and_no_row_is_in_both_parts() -> None:
    data = load("mnist5k")
    assert set(np.bincount(data.y_test)) == {100}
    held = hold_out(data, 500)
    assert set(np.bincount(held.y_test)) == {50}
    assert len(held.y_train) == 3500
    rows = [row.tobytes() for row in np.concatenate((held.x_train, held.x_test, data.x_test))]
    assert len(set(rows)) == len({row.tobytes() for row in (*data.x_train, *data.x_test)})


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 99))
def test_a_stratified_split_is_a_partition(labels: list[int], share: float, seed: int) -> None:
    y = np.array(labels)
    first, second = stratified_split(y, share, seed)
    assert sorted([*first, *second]) == list(range(len(y)))
    for label in set(labels):
        assert (y[second] == label).sum() == round(share * labels.count(label))


def write_fashion(folder: Path, *, packed: bool, labels: int = 6) -> tuple[Bytes, Bytes]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    y = np.arange(labels, dtype=np.uint8)
    for stem in ("train", "t10k"):
        for kind, array in (("images-idx3", images), ("labels-idx1", y)):
            head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
            content = head + array.tobytes()
            path = folder / f"{stem}-{kind}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content) if packed else content)
    return images, y


@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_is_read_from_a_folder(tmp_path: Path, packed: bool) -> None:
    images, y = write_fashion(tmp_path, packed=packed)
    data = load("fashion-mnist", tmp_path)
    np.testing.assert_array_equal(data.x_train * 255, images.reshape(6, -1))
    np.testing.assert_array_equal(data.y_test, y)
    assert data.classes == 10


def test_a_missing_set_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load("fashion-mnist", tmp_path)
    assert "apt-get install dataset-fashion-mnist" in str(caught.value.as_dict()["fix"])


DAMAGES = {
    "last byte missing": lambda content: content[:-1],
    "no shape": lambda content: content[:3],
    "another format": lambda content: b"PK" + content[2:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_an_error(tmp_path: Path, damage: Any) -> None:
    write_fashion(tmp_path, packed=False)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match="train-images"):
        load("fashion-mnist", tmp_path)


def test_a_damaged_gzip_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(bytes(100))[:-9])
    with pytest.raises(DatasetError, match=r"labels\.gz"):
        read_idx(path, rank=1)


def test_images_and_labels_that_differ_in_number_are_an_error(tmp_path: Path) -> None:
    write_fashion(tmp_path, packed=False, labels=5)
    with pytest.raises(DatasetError, match="6 images and 5 labels"):
        load("fashion-mnist", tmp_path)


def test_unknown_names_and_paths_without_use_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="mnist5k, digits, fashion-mnist"):
        load("mnist")
    with pytest.raises(DatasetError, match="shipped"):
        load("digits", tmp_path)
    with pytest.raises(DatasetError, match="between 1 and 1437"):
        hold_out(load("digits"), 1438)
