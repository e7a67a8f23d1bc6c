"""Whatever a text holds, parsing gives a System or one positioned error, and runs nothing."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from symgrad.errors import SymgradError
from symgrad.ir.serial import dump_json, load_json
from symgrad.ir.text import options_of, parse, parse_expression
from symgrad.ir.wellformed import defects
from tests.ir.texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|[0-9.]+|\*\*|//|<=|>=|==|!=|\s+|.", re.DOTALL)
WORDS = sorted({token for text in TEXTS.values() for token in TOKEN.findall(text)})
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


for _text in TEXTS.values():  # modules that are imported late are imported before the watch
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


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a valid text with a few tokens removed, doubled, swapped or replaced."""
    tokens = TOKEN.findall(draw(st.sampled_from(list(TEXTS.values()))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(tokens) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(at, tokens[at])
            case 2:
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens[at] = draw(st.sampled_from(WORDS))
            case _:
                tokens[at] = draw(st.sampled_from(HOSTILE))
        if not tokens:
            return ""
    return "".join(tokens)


@given(mutated())
def test_mutations_of_valid_texts(text: str) -> None:
    survives(text)


@given(st.lists(st.sampled_from([*WORDS, *HOSTILE, "\n", " = ", "[", "]", "(", ")"])).map("".join))
def test_random_tokens(text: str) -> None:
    survives(text)


@given(st.text(max_size=200))
@example("\ud800")
@example("Y = X\r\rZ = Y")
@example("\x0cY = X")
def test_random_characters(text: str) -> None:
    survives(text)


@given(
    st.sampled_from(HOSTILE),
    st.sampled_from(["Y[n] = {}", "{}", "Y = X + {}", "X: {}", "Y[{}] = 1"]),
)
def test_hostile_fragments_in_every_place(fragment: str, place: str) -> None:
    survives(place.format(fragment))


@given(mutated())
def test_options_of_and_parse_expression_fail_in_one_way(text: str) -> None:
    for read in (options_of, parse_expression):
        found = attempt(read, text)
        assert not isinstance(found, SymgradError) or found.fix


DOCUMENT = dump_json(parse(TEXTS["lstm"]))


@given(st.data())
def test_damaged_documents_end_in_one_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(DOCUMENT) - 1))
    put = data.draw(st.sampled_from(["", "0", "-1", "null", '"', "[", "]", "true", "9" * 30]))
    found = attempt(load_json, DOCUMENT[:at] + put + DOCUMENT[at + 1 :])
    assert found.code == "SG123" if isinstance(found, SymgradError) else defects(found) == []
