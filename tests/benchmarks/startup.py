"""Time of a whole `symgrad derive softmax` against that of importing SymPy, in one run."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

COMMANDS = {
    "import sympy": ["-c", "import sympy"],
    "symgrad derive softmax": ["-m", "symgrad", "derive", "softmax"],
    "symgrad derive TEXT": [
        *("-m", "symgrad", "derive", "Y[n,o] = sum[i](X[n,i]*W[o,i]) + b[o]", "--wrt", "W,X"),
    ],
}


def measure(rounds: int = 9) -> dict[str, list[float]]:
    """Return the seconds of each command in each round; the commands take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            began = perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(perf_counter() - began)
    return seconds


def main() -> None:
    """Print medians and the ratio to the first command."""
    seconds = measure()
    base = median(seconds["import sympy"])
    for name, found in seconds.items():
        sys.stdout.write(f"{name:<24} {median(found):.3f} s  {median(found) / base:.2f} x\n")
