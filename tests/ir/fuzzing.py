"""Hostile texts, and what parsing one may do: give a System, or one positioned error."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from symgrad.errors import SymgradError
from symgrad.ir.serial import dump_json
from symgrad.ir.text import parse
from symgrad.ir.wellformed import defects
from symgrad.layers.registry import LAYERS
from tests.ir.texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

IMPLICIT = "A: real[i, j]\nB: real[i, k]\nsum[j](A[i, j]*Z[j, k]) == B[i, k]\nY[j] = Z[j, 0]"

#: Valid texts to damage: the forms of the language, and the zoo.
SEEDS = [*TEXTS.values(), IMPLICIT, *(layer.text for layer in LAYERS.values())]

TOKEN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|[0-9.]+|\*\*|//|<=|>=|==|!=|\s+|.", re.DOTALL)
WORDS = sorted({token for text in SEEDS for token in TOKEN.findall(text)})
HOSTILE = [
    "__import__('os').system('true')",
    "eval('1')",
    "().__class__.__bases__[0]",
    "[x for x in X]",
    "lambda: 0",
    "f'{X}'",
    "9**9**9",
    "1e400",
    "0x10",
    "1_000",
    "1j",
    "...",
    "(yield)",
    "await X",
    "X if Y else Z",
    "*X",
    "X := 1",
    "size",
    "size[size]",
    "_",
    "X_bar",
    "sum[i]",
    "sum[i](sum[i](X[i]))",
    "mean[...](X[...])",
    "None",
    "True",
    "'a' 'b'",
    "\\",
    ";",
    "\t",
]
PLACES = ["\n", " = ", "[", "]", "(", ")", ", ", "n", "X", "0", "-1", ":", "size[n]"]


def random_mutation(random: Random) -> str:
    """Return a valid text, damaged."""
    return random_damage(random, random.choice(SEEDS))


def random_damage(random: Random, text: str) -> str:
    """Return a text with a few tokens removed, doubled, swapped or replaced."""
    tokens = TOKEN.findall(text) or [""]
    for _ in range(random.randint(1, 4)):
        at, other = random.randrange(len(tokens)), random.randrange(len(tokens))
        match random.randrange(5):
            case 0:
                tokens[at] = ""
            case 1:
                tokens[at] *= 2
            case 2:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens[at] = random.choice(WORDS)
            case _:
                tokens[at] = random.choice(HOSTILE)
    return "".join(tokens)


def random_tokens(random: Random) -> str:
    """Return tokens of the language and hostile ones, in any order."""
    return "".join(
        random.choice(random.choice((WORDS, HOSTILE, PLACES))) for _ in range(random.randint(1, 30))
    )


class Watch:
    """Notes code that is executed while it is armed."""

    def __init__(self) -> None:
        self.armed, self.seen = False, list[object]()
        sys.addaudithook(self.hook)

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        if self.armed and event in ("exec", "import", "os.system", "subprocess.Popen"):
            self.seen.append((event, args))

    def __enter__(self) -> None:
        self.armed = True

    def __exit__(self, *_: object) -> None:
        self.armed = False
        assert not self.seen, "parsing ran code"


for _text in SEEDS:  # modules that are imported late are imported before the watch
    dump_json(parse(_text))
WATCH = Watch()


def attempt(read: Callable[[str], Any], text: str) -> Any:
    """Return what a reader makes of a text, or the one kind of error that it may raise."""
    with WATCH:
        try:
            return read(text)
        except SymgradError as error:
            return error


def survives(text: str) -> None:
    """Parse a text and check what comes out."""
    found = attempt(parse, text)
    if isinstance(found, SymgradError):
        assert str(found).startswith(f"[{found.code}]")
        assert found.line is None or 1 <= found.line <= len(text.splitlines()) + 1
    else:
        assert defects(found) == []
        assert parse(str(found), params=found.params) == found
