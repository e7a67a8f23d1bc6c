"""Nothing is lost: runs that are killed, stopped or interrupted end where they would have ended."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.errors import CheckpointError, TrainingError
from symgrad.training import checkpoints
from symgrad.training.loop import fit
from symgrad.training.networks import build_mlp
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Epoch, Plan, TrainingRun
from symgrad.training.tensorfile import pack, unpack
from tests.training.runs import MODEL, PLAN, clusters, run

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = 20
STEPS = 5  # of an epoch: 80 rows in batches of 16
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def whole() -> TrainingRun:
    """Return the run that nothing stopped."""
    return run()


def assert_same(found: TrainingRun, expected: TrainingRun) -> None:
    for name, value in expected.parameters.items():
        assert found.parameters[name].tobytes() == value.tobytes(), name
    rows = [[replace(e, seconds=0) for e in r.history] for r in (found, expected)]
    assert rows[0] == rows[1]


class Stopped(Exception):  # noqa: N818 (no error)
    """What a test stops a run with."""


def stop_after(monkeypatch: pytest.MonkeyPatch, saves: int) -> None:
    """Let the next run stop after it saved so many times."""
    count = 0
    save = checkpoints.save

    def counted(path: Path, checkpoint: checkpoints.Checkpoint) -> None:
        nonlocal count
        save(path, checkpoint)
        count += 1
        if count == saves:
            raise Stopped

    monkeypatch.setattr("symgrad.training.loop.save", counted)


@pytest.mark.parametrize("saves", [1, 4, 5, 6, 11, 77, 200])
def test_a_run_that_is_stopped_anywhere_goes_on_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: TrainingRun, saves: int
) -> None:
    path = tmp_path / "run.safetensors"
    with monkeypatch.context() as patched:
        stop_after(patched, saves)
        with pytest.raises(Stopped):
            run(path, every=1)
    assert_same(run(path), whole)


def test_a_run_that_is_over_is_over(tmp_path: Path, whole: TrainingRun) -> None:
    path = tmp_path / "run.safetensors"
    assert_same(run(path), whole)
    before = path.stat().st_mtime_ns
    assert_same(run(path), whole)
    assert path.stat().st_mtime_ns == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_run_goes_on_for_more_epochs_if_the_schedule_allows(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    plan = Plan(make_optimizer("rmsprop"), epochs=2, batch_size=32, schedule="step(epochs=2)")
    fit(MODEL, clusters(), plan, checkpoint=path)
    more = replace(plan, epochs=5)
    assert_same(fit(MODEL, clusters(), more, checkpoint=path), fit(MODEL, clusters(), more))


@pytest.mark.torch
@pytest.mark.parametrize("name", ["adafactor", "asgd", "gradient_descent", "rprop"])
@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_states_of_every_shape_are_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, name: str
) -> None:
    """Rows and columns, numbers, none at all."""
    plan = Plan(make_optimizer(name), epochs=3, batch_size=40, dtype="float32")
    path = tmp_path / "run.safetensors"
    with monkeypatch.context() as patched:
        stop_after(patched, 4)
        with pytest.raises(Stopped):
            fit(MODEL, clusters(), plan, target=target, checkpoint=path, every=1)
    expected = fit(MODEL, clusters(), plan, target=target)
    assert_same(fit(MODEL, clusters(), plan, target=target, checkpoint=path), expected)


def test_a_run_killed_at_random_moments_ends_bit_by_bit_as_if_never_killed(
    tmp_path: Path, whole: TrainingRun
) -> None:
    """The process saves after every step, so that many kills fall into a save."""
    path = tmp_path / "run.safetensors"
    rng = np.random.default_rng(0)
    command = [sys.executable, "-m", "tests.training.runs", str(path)]
    reached = []
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(KILLS):
            process.stdin.write("go\n")
            process.stdin.flush()
            child = int(process.stdout.readline())
            for _ in range(rng.integers(1, 9)):
                process.stdout.readline()
            sleep(rng.uniform(0, 0.01))
            os.kill(child, signal.SIGKILL)
            while process.stdout.readline() != "over\n":
                pass
            _, texts = unpack(path.read_bytes())
            reached.append(json.loads(texts["position"])["steps"])
        process.stdin.close()
    assert reached == sorted(set(reached)), "every run goes on from the last"
    assert reached[-1] < PLAN.epochs * STEPS, "every kill came before the end"
    assert_same(run(path), whole)


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Take Ctrl-C, which a test run in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_leaves_a_checkpoint_and_stops_after_the_step(
    tmp_path: Path, whole: TrainingRun
) -> None:
    path = tmp_path / "run.safetensors"

    def press(epoch: Epoch, _: Any) -> None:
        if epoch.number == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(MODEL, clusters(), PLAN, checkpoint=path, on_epoch=press)
    _, texts = unpack(path.read_bytes())
    assert json.loads(texts["position"])["steps"] == 3 * STEPS + 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_same(run(path), whole)


def test_ctrl_c_after_the_last_epoch_is_not_lost(tmp_path: Path, whole: TrainingRun) -> None:
    def press(epoch: Epoch, _: Any) -> None:
        if epoch.number == PLAN.epochs:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(MODEL, clusters(), PLAN, checkpoint=tmp_path / "run", on_epoch=press)
    assert_same(run(tmp_path / "run"), whole)


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    def press(_: Epoch, __: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(MODEL, clusters(), PLAN, checkpoint=tmp_path / "run", on_epoch=press)


def test_a_run_outside_of_the_main_thread_needs_no_signals(whole: TrainingRun) -> None:
    found: list[TrainingRun] = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    assert_same(found[0], whole)


# What is wrong with a file.


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "run"
    fit(MODEL, clusters(), replace(PLAN, schedule="constant", epochs=2), checkpoint=path)
    return path.read_bytes()


def go_on(folder: Path, content: bytes, **changes: Any) -> CheckpointError:
    path = folder / "run.safetensors"
    path.write_bytes(content)
    plan = replace(PLAN, schedule="constant", epochs=3)
    model, data = changes.pop("model", MODEL), changes.pop("data", clusters())
    with pytest.raises(CheckpointError) as caught:
        fit(model, data, replace(plan, **changes), checkpoint=path)
    assert path.read_bytes() == content, "a file that was refused is left alone"
    assert str(path) in str(caught.value)
    return caught.value


@given(st.data())
def test_a_checkpoint_with_any_byte_changed_or_cut_off_is_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(content) - 1))
    cut = data.draw(st.booleans())
    flipped = bytes([content[at] ^ data.draw(st.integers(1, 255))])
    damaged = content[:at] if cut else content[:at] + flipped + content[at + 1 :]
    go_on(tmp_path_factory.mktemp("damaged"), damaged)


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (b"", "no safetensors header"),
        (b"\x89PNG\r\n\x1a\n" * 9, "no safetensors header"),
        (pack({"W": np.zeros(3)}, {}), "of another program"),
        (pack({}, {"format": "symgrad checkpoint 0"}), "symgrad checkpoint 0"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes, given: str) -> None:
    assert given in go_on(tmp_path, content).given


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"batch_size": 8}, "batch_size: 16"),
        ({"seed": 4}, "seed: 3"),
        ({"dtype": "float32"}, "dtype: float64"),
        ({"optimizer": make_optimizer("adam", lr=0.02)}, "optimizer: adam(lr=0.01)"),
        ({"schedule": "linear"}, "schedule: constant"),
        ({"clip_norm": None}, "clip_norm: 1.0"),
        ({"model": build_mlp(6, 9, 3)}, "model: mlp"),
        ({"data": clusters(rows=151)}, "data: clusters"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    tmp_path: Path, content: bytes, changes: dict[str, Any], given: str
) -> None:
    assert given in go_on(tmp_path, content, **changes).given


@pytest.mark.parametrize(
    ("name", "change", "given"),
    [
        ("parameters/fc1.W", np.zeros((6, 8)), "fc1.W: float64[6, 8] in place of float64[8, 6]"),
        ("parameters/fc1.b", None, "fc1.b: nothing in place of float64[8]"),
        ("parameters/fc3.b", np.zeros(2), "fc3.b: float64[2] in place of nothing"),
        ("optimizer/fc1.b/0", np.zeros(7), "fc1.b/0: float64[7]"),
        ("optimizer/fc1.b/1", None, "fc1.b/1: nothing"),
        ("parameters/fc2.b", np.zeros(3, np.float32), "float32[3] in place of float64[3]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, content: bytes, name: str, change: Any, given: str
) -> None:
    arrays, texts = unpack(content)
    arrays.pop(name, None)
    if change is not None:
        arrays[name] = change
    texts.pop("sha256")
    texts["sha256"] = checkpoints._checksum(arrays, texts)
    assert given in go_on(tmp_path, pack(arrays, texts)).given


def test_a_folder_in_place_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="directory"):
        run(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_disk_or_a_folder_that_cannot_be_written_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, whole: TrainingRun
) -> None:
    path = tmp_path / "run.safetensors"
    with monkeypatch.context() as patched:
        stop_after(patched, 3)
        with pytest.raises(Stopped):
            run(path)
    kept = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(CheckpointError, match=os.strerror(code)):
            run(path)
    assert path.read_bytes() == kept
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert_same(run(path), whole)


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CheckpointError):
        run(tmp_path / "file" / "run")


@pytest.mark.torch
def test_torch_autograd_keeps_no_checkpoint(tmp_path: Path) -> None:
    plan = replace(PLAN, optimizer=make_optimizer("sgd"))
    with pytest.raises(TrainingError, match="generated code"):
        fit(MODEL, clusters(), plan, target="autograd", checkpoint=tmp_path / "run")
