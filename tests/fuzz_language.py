"""`python -m tests.fuzz_language [SECONDS]`: a coverage-guided campaign against the parser.

It needs atheris, which is no part of the test extra: `pip install atheris` (Python 3.11, Linux).
Random bytes choose how valid texts are damaged, and what stands in them; atheris keeps what reaches
new branches of `symgrad.ir`. It ends with the number of executions, or with the text that failed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory


def main(arguments: list[str]) -> None:
    """Run a campaign for a number of seconds, one minute unless told."""
    seconds = int(arguments[0]) if arguments else 60
    try:
        atheris = import_module("atheris")
    except ModuleNotFoundError:
        sys.exit("atheris is missing: pip install atheris")
    with atheris.instrument_imports(include=["symgrad.ir", "symgrad.errors"]):
        import_module("symgrad.ir.text")
        import_module("symgrad.ir.serial")
        import_module("symgrad.ir.wellformed")
    fuzzing = import_module("tests.ir.fuzzing")

    def attempt(data: bytes) -> None:
        text = data.decode("latin-1")
        try:
            fuzzing.survives(text)
        except BaseException:
            sys.stderr.write(f"a finding: {text!r}\n")
            raise

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        """Damage a text by tokens three times in four, else byte by byte."""
        if seed % 4 == 0:
            return bytes(atheris.Mutate(data, limit))
        text = fuzzing.random_damage(Random(seed), data.decode("latin-1"))
        return bytes(text.encode("latin-1")[:limit])

    with TemporaryDirectory() as corpus:
        for number, text in enumerate([*fuzzing.SEEDS, *fuzzing.HOSTILE]):
            (Path(corpus) / str(number)).write_text(text, encoding="latin-1")
        options = [
            f"-artifact_prefix={corpus}/",
            f"-max_total_time={seconds}",
            "-max_len=4000",
            "-timeout=10",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], attempt, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
