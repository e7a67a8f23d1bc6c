"""The README is true: its commands are what CI runs, and the demo does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = 'pip install -e ".[all]" -c tests/constraints.txt && symgrad demo'
TESTS = 'pip install -e ".[all,test]" -c tests/constraints.txt && pytest'
DEMO_SECONDS = 180
ACCURACY = re.compile(r"test accuracy: (\d+\.\d) % \(torch autograd: (\d+\.\d) %\)")


def commands() -> list[str]:
    """Return the indented command lines of the README."""
    return re.findall(r"^    (pip install .*)$", README, re.MULTILINE)


def test_readme_has_the_two_commands_and_no_other() -> None:
    assert commands() == [DEMO, TESTS]


def test_ci_runs_the_second_command() -> None:
    shown = subprocess.run(
        ["bash", ".ci/run", "--print"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert shown.stdout.strip() == TESTS


def test_constraints_are_plain() -> None:
    lines = (ROOT / "tests" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9.]+", line)] == []
    assert "torch==2.13.0" in lines


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Run what follows `&&` in the first command; return what it printed and where."""
    folder = tmp_path_factory.mktemp("demo")
    program, *arguments = DEMO.partition("&&")[2].split()
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    if not Path(command[0]).exists():  # a source tree on the path, not installed
        command = [sys.executable, "-m", program, *arguments]
    began = perf_counter()
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert perf_counter() - began < DEMO_SECONDS
    return done.stdout, folder


def test_demo_ends_with_the_accuracy_of_both(demo: tuple[str, Path]) -> None:
    found = ACCURACY.fullmatch(demo[0].rstrip().splitlines()[-1])
    assert found is not None
    assert found[1] == found[2], "float64, same start, same batches: the same right answers"
    assert float(found[1]) >= 92


def test_demo_writes_the_modules_and_the_curve(demo: tuple[str, Path]) -> None:
    output, folder = demo
    files = {path.name for path in (folder / "symgrad-demo").iterdir()}
    assert files == {"mlp_numpy.py", "mlp_torch.py", "learning-curve.png"}
    assert all(name in output for name in files)


def test_readme_shows_what_the_demo_prints(demo: tuple[str, Path]) -> None:
    printed = demo[0].rstrip().splitlines()[-1]
    assert printed in README
