"""What every test shares: Hypothesis profiles, one thread, the golden files.

`HYPOTHESIS_PROFILE` chooses how hard property tests try: `dev` (the default), `ci` or `nightly`.
`--update-golden` writes the golden files anew instead of comparing; review the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

# Before NumPy and torch load: results and times must not depend on how many cores are idle.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")

GOLDEN = Path(__file__).parent / "golden"

# Symbolic work has uneven timing: the first example of a layer derives it, the others find it done.
_UNEVEN = [HealthCheck.too_slow]
settings.register_profile("dev", max_examples=20, deadline=None, suppress_health_check=_UNEVEN)
# CI measures coverage, which makes everything three times slower: 25 keep it below ten minutes.
settings.register_profile(
    "ci",
    max_examples=25,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=_UNEVEN,
)
settings.register_profile(
    "nightly", max_examples=5000, deadline=None, suppress_health_check=_UNEVEN
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`."""
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a check that a text is that of a golden file: `golden("latex/softmax.tex", text)`."""
    update = bool(request.config.getoption("--update-golden"))

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {name}: run pytest with --update-golden"
        assert text == path.read_text(encoding="utf-8"), f"{name}: review, then --update-golden"

    return check
