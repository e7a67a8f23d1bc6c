"""Every exception of symgrad, in one message format with stable codes.

Bad input gets four answers: where, given, expected, fix. Each class has one code, which
docs/errors.md explains. Nothing else in the package is imported.
"""

from __future__ import annotations

from typing import ClassVar

#: How much of a long line of text a message shows.
_WIDTH = 120


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
            start = max((self.column or 0) - _WIDTH // 2, 0) if len(source) > _WIDTH else 0
            rows.append(f"  {self.line:>4} | {source[start : start + _WIDTH]}")
            if self.column is not None:
                rows.append("       | " + " " * (self.column - start) + "^")
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


class TextLimitError(SymgradError, ValueError):
    """A text that is too long, nested too deeply, not ASCII, or holds a number out of range."""

    code = "SG101"


class TextSyntaxError(SymgradError, SyntaxError):
    """A statement or an expression that is not a form of the equation language."""

    code = "SG102"


class UnboundIndexError(SymgradError, ValueError):
    """An index that is neither on the left-hand side nor bound by a reduction around it."""

    code = "SG103"


class LeftOnlyIndexError(SymgradError, ValueError):
    """An index that is on the left-hand side only."""

    code = "SG104"


class RankError(SymgradError, ValueError):
    """A tensor that is read with different numbers of indices."""

    code = "SG105"


class LengthError(SymgradError, ValueError):
    """Two lengths that a text requires to be equal and that cannot be."""

    code = "SG106"


class UnknownLengthError(SymgradError, ValueError):
    """An axis whose length nothing fixes."""

    code = "SG107"


class RoleError(SymgradError, ValueError):
    """A name with two roles: tensor, index, option."""

    code = "SG108"


class ReservedNameError(SymgradError, ValueError):
    """A name that the language keeps for itself."""

    code = "SG109"


class RedefinitionError(SymgradError, ValueError):
    """A tensor, a declaration or a length that is given twice."""

    code = "SG110"


class OrderError(SymgradError, ValueError):
    """A tensor that is read above its definition."""

    code = "SG111"


class CycleError(SymgradError, ValueError):
    """A definition that reads itself, alone or through others, without a lag."""

    code = "SG112"


class InitialValueError(SymgradError, ValueError):
    """An initial value of a recurrence that is missing or given twice."""

    code = "SG113"


class DirectionError(SymgradError, ValueError):
    """A recurrence that looks both back and ahead."""

    code = "SG114"


class NonAffineIndexError(SymgradError, ValueError):
    """An index expression that is not integer-affine."""

    code = "SG115"


class IntegerError(SymgradError, TypeError):
    """A number that has to be an integer and is not: an option, an index, an operand of `//`."""

    code = "SG116"


class OptionError(SymgradError, ValueError):
    """A static option that does not exist, or a value that it does not have."""

    code = "SG117"


class UnknownCallError(SymgradError, ValueError):
    """A call of something that is no function or reduction of the language."""

    code = "SG118"


class UnknownTypeError(SymgradError, ValueError):
    """A declaration with a type that the language does not have."""

    code = "SG119"


class NotDifferentiableError(SymgradError, ValueError):
    """A name in `wrt` that has no cotangent: not an input, or not real."""

    code = "SG120"


class BinderError(SymgradError, ValueError):
    """A reduction that binds a letter that is taken, repeated or not used."""

    code = "SG121"


class UnsupportedError(SymgradError, NotImplementedError):
    """A form that has a meaning and is not supported yet."""

    code = "SG122"


class SerialFormatError(SymgradError, ValueError):
    """A JSON document that is not a System of a known version."""

    code = "SG123"


class ImplicitError(SymgradError, ValueError):
    """An implicit equation that does not say which tensor it defines."""

    code = "SG124"


class ShapeError(SymgradError, ValueError):
    """An array whose shape does not fit, or a length that nothing gives."""

    code = "SG201"


class DivisibilityError(SymgradError, ValueError):
    """A length that is not divisible into its factors."""

    code = "SG202"


class DTypeError(SymgradError, TypeError):
    """An array of the wrong dtype, or of two different float dtypes."""

    code = "SG203"


class IndexRangeError(SymgradError, IndexError):
    """A value of an index tensor that is out of range, or a read outside of a tensor."""

    code = "SG204"


class DomainError(SymgradError, ValueError):
    """A value outside of the domain that the declaration states."""

    code = "SG205"


class EmptyReductionError(SymgradError, ValueError):
    """A max, min, argmax or argmin of nothing."""

    code = "SG206"


class InputError(SymgradError, TypeError):
    """An input that is missing, or that the System does not have."""

    code = "SG207"


class SolveError(SymgradError, ArithmeticError):
    """An implicit equation that is not linear, or has no solution or several."""

    code = "SG208"


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


class CheckpointError(SymgradError, OSError):
    """A checkpoint that is damaged, of another run, or cannot be written."""

    code = "SG603"


class FileConflictError(SymgradError, FileExistsError):
    """A file that would be replaced was not written by symgrad."""

    code = "SG501"


class TargetError(SymgradError, ValueError):
    """A target, or a name in generated code, that does not exist or is taken."""

    code = "SG502"
