"""Every exception of symgrad, in one message format with stable codes.

Bad input gets four answers: where, given, expected, fix. Each class has one code, which
docs/errors.md explains. Nothing else in the package is imported.
"""

from __future__ import annotations

from typing import ClassVar


class SymgradError(Exception):
    """Base of every error that symgrad raises on purpose.

    Args:
        where: The place, in words a user recognises (an equation, a line and column, an argument).
        given: What was found there.
        expected: What would have been right.
        fix: What to type instead.
        text: The source text, when the place is in one; shown with a caret under `column`.
        line: Line of `text`, counted from 1.
        column: Column in that line, counted from 0.
    """

    code: ClassVar[str] = "SG000"

    def __init__(  # noqa: PLR0913 (four answers and a position)
        self,
        *,
        where: str,
        given: str,
        expected: str,
        fix: str,
        text: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.where, self.given, self.expected, self.fix = where, given, expected, fix
        self.line, self.column = line, column
        super().__init__(f"[{self.code}] {self._body(text)}")

    def _body(self, text: str | None) -> str:
        rows = [f"in {self.where}"]
        if text is not None and self.line is not None:
            lines = text.splitlines()
            source = lines[self.line - 1] if 0 < self.line <= len(lines) else ""
            rows.append(f"  {self.line:>4} | {source}")
            if self.column is not None:
                rows.append("       | " + " " * self.column + "^")
        rows.append(f"  given:    {self.given}")
        rows.append(f"  expected: {self.expected}")
        rows.append(f"  fix:      {self.fix}")
        return "\n".join(rows)

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the four answers and the position, for `--json`."""
        return {
            "code": self.code,
            "kind": type(self).__name__,
            "where": self.where,
            "given": self.given,
            "expected": self.expected,
            "fix": self.fix,
            "line": self.line,
            "column": self.column,
        }


class UnknownLayerError(SymgradError, LookupError):
    """A name that no layer, loss or optimizer has."""

    code = "SG301"


class CompositionError(SymgradError, ValueError):
    """Parts that do not fit: ranks, lengths or kinds differ where one feeds the next."""

    code = "SG302"


class DatasetError(SymgradError, OSError):
    """A data set that is unknown, missing or damaged."""

    code = "SG601"


class TrainingError(SymgradError, ValueError):
    """A training run that cannot start or go on."""

    code = "SG602"
