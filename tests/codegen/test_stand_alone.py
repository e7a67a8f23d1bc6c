"""Generated files need their array library and nothing else, and tools find nothing to say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symgrad.codegen.files import write
from symgrad.layers.registry import LAYERS
from tests.codegen.test_golden import text_of
from tests.codegen.window_texts import TEXTS, window_text

TARGETS = ("numpy", "torch")
ROOT = Path(__file__).parents[2]

# Runs in a fresh interpreter: symgrad cannot be imported, and the golden text of a layer is run.
SCRIPT = """
import importlib.util, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "symgrad":
            raise ImportError("symgrad is blocked")
        return None

sys.meta_path.insert(0, Block())
try:
    import symgrad
except ImportError:
    pass
else:
    raise SystemExit("symgrad could be imported: the test would prove nothing")
spec = importlib.util.spec_from_file_location("generated", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
library = sys.argv[2]
made = __import__(library)
X = made.ones((3, 4))
result = module.softmax_vjp(module.softmax_forward(X), X)
loaded = {m.split(".")[0] for m in sys.modules} & {"numpy", "torch"}
print(float(abs(result).max()), *sorted(loaded))
"""


@pytest.mark.parametrize("target", TARGETS)
def test_a_file_runs_where_symgrad_cannot_be_imported(target: str, tmp_path: Path) -> None:
    path = tmp_path / "generated.py"
    write(path, text_of("softmax", target))
    done = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT, str(path), target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value, *libraries = done.stdout.split()
    assert float(value) == pytest.approx(0)
    assert target in libraries
    if target == "numpy":
        assert "torch" not in libraries


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_file_imports_its_library_alone(layer: str, target: str) -> None:
    check_imports(text_of(layer, target), target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_file_of_windows_imports_its_library_alone(name: str, target: str) -> None:
    check_imports(window_text(name, target), target)


def check_imports(text: str, target: str) -> None:
    tree = ast.parse(text)
    roots = {"__future__", "typing", target}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {a.name.split(".")[0] for a in node.names} <= roots
        elif isinstance(node, ast.ImportFrom):
            assert str(node.module).split(".")[0] in roots


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the generated files of every layer."""
    path = tmp_path_factory.mktemp("generated")
    for target in TARGETS:
        for layer in LAYERS:
            write(path / target / f"{layer}_{target}.py", text_of(layer, target))
        for name in TEXTS:
            write(path / target / f"windows_{name}_{target}.py", window_text(name, target))
    return path


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_the_formatter_changes_nothing(folder: Path) -> None:
    done = run("ruff", "format", "--diff", "--config", str(ROOT / "pyproject.toml"), str(folder))
    assert done.returncode == 0, done.stdout[:3000]


def test_the_linter_finds_nothing(folder: Path) -> None:
    # A function has as many arguments as its equations, and tensors have the names of the field: O.
    ignored = "PLR0913,PLR0917,E741"
    config = str(ROOT / "pyproject.toml")
    done = run("ruff", "check", "--config", config, "--ignore", ignored, str(folder))
    assert done.returncode == 0, done.stdout[:3000]


def test_the_type_checker_finds_nothing(folder: Path) -> None:
    files = [str(p) for p in sorted(folder.rglob("*.py"))]
    done = run("mypy", "--config-file", str(ROOT / "pyproject.toml"), *files)
    assert done.returncode == 0, done.stdout[:3000]


def test_float32_stays_float32_with_numbers_of_any_kind() -> None:
    scope: dict[str, object] = {}
    exec(text_of("layer_norm", "numpy"), scope)
    forward = scope["layer_norm_forward"]
    assert callable(forward)
    X = np.ones((2, 3), np.float32)
    results = forward(X, X[0], X[0], 1e-5)
    assert {r.dtype for r in results} == {np.dtype("float32")}
