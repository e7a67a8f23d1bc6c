"""`python -m tests.benchmarks NAME`: measurements, printed. Times are never asserted by tests."""

from __future__ import annotations

import sys

from tests.benchmarks import accuracy, depth, geometries, startup

_BENCHMARKS = {
    "accuracy": accuracy.main,
    "depth": depth.main,
    "geometries": geometries.main,
    "rates": accuracy.rates,
    "settings": accuracy.choose,
    "startup": startup.main,
}


def main(arguments: list[str]) -> int:
    """Run the benchmarks that are named."""
    if not arguments or not set(arguments) <= set(_BENCHMARKS):
        sys.stderr.write(f"usage: python -m tests.benchmarks {' | '.join(_BENCHMARKS)}\n")
        return 2
    for name in arguments:
        _BENCHMARKS[name]()
    return 0


sys.exit(main(sys.argv[1:]))
