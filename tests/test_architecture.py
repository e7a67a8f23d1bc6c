"""The shape of the package: imports point one way, modules stay small, tests mirror packages."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "symgrad"

#: The stages of the pipeline, lowest first. A module imports its own stage and lower ones. A module
#: belongs to the stage with its longest prefix.
STAGES = (
    ("errors", "ir.functions"),
    ("ir",),
    ("interpreter", "symbolic", "layers"),
    ("autodiff", "rewriting", "derivation", "pipeline"),
    ("lowering",),
    ("codegen",),
    ("interop", "verification"),
    ("formula",),
    ("handbook",),
    ("training",),
    ("cli", "__main__"),
)
LEVEL = {f"symgrad.{name}": level for level, row in enumerate(STAGES) for name in row}
MAX_LINES = 400
NOT_MIRRORS = {"golden", "benchmarks"}

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
PACKAGES = sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py"))


def level(module: str) -> int | None:
    """Return the stage of a module; None for the package itself, which is only a facade."""
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        found = LEVEL.get(".".join(parts[:length]))
        if found is not None:
            return found
    assert module == "symgrad", f"{module} has no stage: add it to STAGES"
    return None


def imports(path: Path, *, top: bool = False) -> Iterator[str]:
    """Yield the modules that a file imports; `top`: only what runs when it is imported."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in FILES else str(node.module)
        elif not (top and isinstance(node, (ast.FunctionDef, ast.If))):
            nodes.extend(ast.iter_child_nodes(node))


def ours(path: Path, *, top: bool = False) -> Iterator[str]:
    """Yield the modules of this package that a file imports, apart from the facade."""
    names = (name for name in imports(path, top=top) if name.split(".")[0] == "symgrad")
    yield from (name for name in names if name != "symgrad")


@pytest.mark.parametrize("module", FILES)
def test_imports_point_downwards(module: str) -> None:
    mine = level(module)
    if mine is None:
        return
    above = [name for name in ours(FILES[module]) if (level(name) or 0) > mine]
    assert not above, f"{module} imports {above} from a later stage"


def test_imports_have_no_cycle() -> None:
    graph = {module: set(ours(path, top=True)) for module, path in FILES.items()}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {error.args[1]}")


@pytest.mark.parametrize("module", FILES)
def test_modules_are_small(module: str) -> None:
    lines = len(FILES[module].read_text(encoding="utf-8").splitlines())
    assert lines < MAX_LINES, f"{module} has {lines} lines"


@pytest.mark.parametrize("module", FILES)
def test_only_one_module_knows_sympy(module: str) -> None:
    if module != "symgrad.symbolic":
        assert not [name for name in imports(FILES[module]) if name.split(".")[0] == "sympy"]


def test_test_folders_mirror_the_package() -> None:
    folders = {p.parent.name for p in (ROOT / "tests").glob("*/*.py")} - NOT_MIRRORS
    modules = {p.stem for p in PACKAGE.glob("*.py")}
    assert not folders - set(PACKAGES) - modules, "a test folder without a package"
    assert not set(PACKAGES) - folders - {"data"}, "a package without tests"


@pytest.mark.parametrize(
    "heavy", ["torch", "sympy", "matplotlib", "hypothesis", "scipy", "jinja2", "pygments"]
)
def test_importing_symgrad_does_not_import(heavy: str) -> None:
    code = f"import sys, symgrad; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
