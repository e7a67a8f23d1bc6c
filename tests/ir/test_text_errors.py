"""Every error of the equation language: its code, its place, its fix."""

from __future__ import annotations

import pytest

from symgrad import errors
from symgrad.errors import SymgradError
from symgrad.ir.text import parse, parse_expression
from symgrad.ir.text_source import MAX_BRACKETS, MAX_CHARACTERS

#: Text, class, column of the caret in the last line that is at fault, part of the fix.
CASES: dict[str, tuple[str, type[SymgradError], int | None, str]] = {
    "unbound index": (
        "Y[n, o] = X[n, i] * W[o, i]", errors.UnboundIndexError, 15, "sum[i](...)"),
    "unbound dots": ("Y = sum[...](X[...]) + Z[...]", errors.UnboundIndexError, 23, "Y[..., i]"),
    "letter as a value": ("Y[n] = X[n] + n2\nZ[n2] = X[n2]", errors.UnboundIndexError, 14, "n2"),
    "unknown size": ("Y[n] = size[h] * X[n]", errors.UnboundIndexError, 7, "index"),
    "softmax letter": ("Y[n] = softmax[k](X[n])", errors.UnboundIndexError, 7, "add k"),
    "left only": ("Y[n, o] = X[n]", errors.LeftOnlyIndexError, 0, "remove o"),
    "rank clash": ("Y[n] = X[n] + X[n, n]", errors.RankError, 14, "rename"),
    "a matrix of one axis": ("A: spd[n]\nY[n] = A[n]", errors.RankError, 0, "spd[i, i]"),
    "a matrix that is not square": (
        "A: symmetric[2, 3]\nY[n] = A[0, 1] * X[n]", errors.RankError, 0, "symmetric[i, i]"),
    "a row of no axis": ("p: simplex\nY[n] = X[n] * p", errors.RankError, 0, "simplex[i]"),
    "late dots": ("Y[..., n] = X[n, ...]", errors.RankError, 12, "X[..., i]"),
    "dots of a number": ("X: real[3]\nY[...] = X[...]", errors.RankError, 0, "..."),
    "dots here and not there": ("Y[...] = X[...] + sum[n](X[n])", errors.RankError, 25, "..."),
    "length clash": ("size[n] = 3\nX: real[n]\nZ: real[2, n]\nY[m] = X[m] + Z[m, 0]",
                     errors.LengthError, None, "another letter"),
    "length of itself": ("X: real[(h, d)]\nY[d] = X[d]", errors.LengthError, None, "(0, d)"),
    "no plain read": ("Y[n] = sum[i](X[n, 2*i])", errors.UnknownLengthError, 14, "declare X"),
    "unknown length": ("Y[h] = X[0] * h", errors.UnknownLengthError, None, "declare X"),
    "no length": ("X: real[y]\nY[h] = X[2*h]", errors.UnknownLengthError, 2, "size[h]"),
    "two roles": ("Y[n] = n[n]", errors.RoleError, 7, "rename"),
    "option as a tensor": ("s: int(1, 2) = 1\nY[n] = s[n]", errors.RoleError, 7, "rename"),
    "option as a letter": (
        "s: int(1, 2) = 1\nY[n] = sum[s](X[n, s])", errors.RoleError, 7, "rename"),
    "text option as a number": ('r: "a" | "b" = "a"\nY = r', errors.RoleError, 4, "if r == 'a'"),
    "reserved function": ("exp[n] = X[n]", errors.ReservedNameError, 0, "another name"),
    "reserved value": ("Y[n] = X[n] + exp", errors.ReservedNameError, 14, "another name"),
    "reserved letter": ("Y = sum[pi](X[pi])", errors.ReservedNameError, 8, "another name"),
    "reserved suffix": ("Y_bar[n] = X[n]", errors.ReservedNameError, 0, "another name"),
    "leading underscore": ("_Y[n] = X[n]", errors.ReservedNameError, 0, "another name"),
    "dotted": ("Y.a[n] = X[n]", errors.ReservedNameError, 0, "another name"),
    "redefinition": ("Y[n] = X[n]\nY[n] = X[n]", errors.RedefinitionError, 0, "rename"),
    "defined input": ("X: real[n]\nX[n] = Y[n]", errors.RedefinitionError, 0, "rename"),
    "two declarations": ("X: real[n]\nX: real[n]", errors.RedefinitionError, 0, "remove"),
    "two lengths": ("size[n] = 1\nsize[n] = 1", errors.RedefinitionError, 0, "rename"),
    "read before": ("Y[n] = Z[n]\nZ[n] = X[n]", errors.OrderError, 7, "move the equation of Z up"),
    "unknown output": ("Y[n] = X[n]\nreturn Yy", errors.OrderError, 7, "nearest: Y"),
    "self": ("Y[n] = Y[n] + X[n]", errors.CycleError, 7, "Y[t-1, ...]"),
    "cycle": ("A[n] = B[n] + X[n]\nB[n] = A[n]", errors.CycleError, 7, "B[t-1, ...]"),
    "lag that varies": ("H[t] = H[2*t] + X[t]\nH[-1] = 0", errors.CycleError, 7, "H[t-1, ...]"),
    "no initial value": ("H[t] = H[t-1] + X[t]", errors.InitialValueError, 7, "add H[-1] ="),
    "one of two": ("H[t, n] = H[t-2, n] + X[t, n]\nH[-1, n] = 0",
                   errors.InitialValueError, 10, "add H[-2, n] ="),
    "no last value": ("H[t] = H[t+1] + X[t]", errors.InitialValueError, 7, "add H[size[t]] ="),
    "initial value twice": ("H[t] = H[t-1] + X[t]\nH[-1] = 0\nH[-1] = 1",
                            errors.InitialValueError, 0, "remove"),
    "initial value inside": ("H[t] = H[t-1] + X[t]\nH[-1] = 0\nH[0] = 1",
                             errors.InitialValueError, 0, "H[-1, ...]"),
    "value beyond what is not declared": ("D[t] = H[t] - H[t-1]\nH[-1] = 0",
                                          errors.InitialValueError, 0, "declare H[t, ...]"),
    "value inside an input": ("H: real[t]\nD[t] = H[t] - 1\nH[0] = 0",
                              errors.InitialValueError, 0, "H[-1, ...]"),
    "mixed directions": ("H[t] = H[t-1] + H[t+1] + X[t]\nH[-1] = 0\nH[size[t]] = 0",
                         errors.DirectionError, 16, "split"),
    "square index": ("Y[n] = X[n*n]", errors.NonAffineIndexError, 9, "2*h + p"),
    "half an index": ("Y[n] = X[n/2]", errors.NonAffineIndexError, 9, "2*h + p"),
    "real condition": (
        "Y[n] = sum[k, X[n, k] > 0](X[n, k])", errors.NonAffineIndexError, 0, "where("),
    "real length": ("size[n] = 1.5\nY[n] = X[n]", errors.NonAffineIndexError, 10, "size[h]"),
    "real index": ("Y[n] = X[T[n]]", errors.IntegerError, 7, "declare T: index(v)"),
    "real floor division": ("Y[n] = X[n] // 2", errors.IntegerError, 7, "floor(x / y)"),
    "unknown branch": ("if c:\n  Y = X\nelse:\n  Y = 2 * X", errors.OptionError, 3, "nearest"),
    "absent input": (
        "b: real[n] | None = None\nY[n] = X[n] + b[n]", errors.OptionError, 14, "if b:"),
    "misspelt function": ("Y[n] = sigmiod(X[n])", errors.UnknownCallError, 7, "sigmoid"),
    "reduction without index": ("Y = sum(X[n])", errors.UnknownCallError, 4, "sum[i]"),
    "function with index": ("Y[n] = exp[n](X[n])", errors.UnknownCallError, 7, "exp"),
    "import": ('Y = __import__("os")', errors.UnknownCallError, 4, "nearest"),
    "misspelt type": ("X: reel[n]\nY[n] = X[n]", errors.UnknownTypeError, 3, "real"),
    "index of nothing": ("T: index[n]\nY[n] = T[n]", errors.UnknownTypeError, 3, "index"),
    "default out of range": ("s: int(1, 3) = 7\nY = s", errors.UnknownTypeError, 0, "= 1"),
    "wide option": ("s: int(1, 3000) = 7\nY = s", errors.UnknownTypeError, 3, "int(1, 4)"),
    "shadow": ("Y[n] = sum[n](X[n])", errors.BinderError, 7, "another letter"),
    "unused binder": ("Y[n] = sum[k](X[n])", errors.BinderError, 7, "size[k]"),
    "binder twice": ("Y = sum[k, k](X[k])", errors.BinderError, 4, "once"),
    "letter twice": ("Y[i, i] = X[i]", errors.BinderError, 0, "i == j"),
    "implicit, all unknown": (
        "sum[j](A[i, j]*Z[j]) == B[i]", errors.ImplicitError, 0, "declare the others"),
    "implicit, all known": (
        "A: real[i]\nB: real[i]\nA[i] == B[i]", errors.ImplicitError, 0, "declare the others"),
    "implicit without letters": (
        "B: real[i]\nB[i] == Z[i + 1]", errors.ImplicitError, 0, "declare the others"),
    "implicit, an index that nothing else has": (
        "A: real[i, j]\nB: real[i, k]\nsum[j](A[p, j] * Z[j, k]) == B[p, p]\nY[j] = Z[j, 0]",
        errors.ImplicitError, 0, "declare the others"),
    "a comparison": ("B: real[i]\nZ[i] <= B[i]", errors.TextSyntaxError, 0, "Y[n, o]"),
    "operator": ("Y[n] = X[n] @ X[n]", errors.TextSyntaxError, 7, "formula"),
    "lambda": ("Y = lambda: 1", errors.TextSyntaxError, 4, "formula"),
    "attribute": ("Y[n] = X[n].real", errors.TextSyntaxError, 7, "formula"),
    "text as a value": ('Y = "a"', errors.TextSyntaxError, 4, "number"),
    "complex": ("Y = 1j", errors.TextSyntaxError, 4, "number"),
    "slice": ("Y = X[0:1]", errors.TextSyntaxError, 6, "formula"),
    "subscript declared": ("X[n]: real", errors.TextSyntaxError, 0, "X: real[n, c]"),
    "default of a tensor": ("X: real[n] = 1\nY[n] = X[n]", errors.TextSyntaxError, 0, "leave"),
    "default of a name": ("e: real = Z\nY = e", errors.TextSyntaxError, 10, "number"),
    "default of an optional": ("b: real | None = 1\nY = b", errors.TextSyntaxError, 0, "None"),
    "two types": ("b: real | bool\nY = b", errors.UnknownTypeError, 3, "nearest"),
    "broken range": ("s: int(1.5, 2) = 2\nY = s", errors.UnknownTypeError, 3, "nearest"),
    "late declaration": (
        "c: flag = False\nif c:\n  Y = 1\nelse:\n  X: real", errors.TextSyntaxError, 2, "move"),
    "branch on a value": ("if f(X):\n  Y = X", errors.OptionError, 3, "where"),
    "branch on text": (
        "s: int(1, 2) = 1\nif s < 'a':\n  Y = X", errors.OptionError, 3, "where"),
    "branch on two": ("s: int(1, 2) = 1\nif 1 < s < 2:\n  Y = X", errors.OptionError, 3, "where"),
    "misspelt reduction": ("Y = sun[i](X[i])", errors.UnknownCallError, 4, "sum[i]"),
    "reduction of two": ("Y = sum[i](X[i], 2)", errors.TextSyntaxError, 4, "arguments"),
    "variance of some": (
        "Y = var[i, i < 3](X[i])", errors.TextSyntaxError, 4, "arguments"),
    "correction": ("Y = var[i](X[i], correction=c)", errors.TextSyntaxError, 4, "arguments"),
    "softmax of nothing": ("Y[k] = softmax[k](s) * X[k]", errors.TextSyntaxError, 7, "arguments"),
    "nameless binder": ("Y = sum[2](X[2])", errors.BinderError, 4, "name each"),
    "composite of a call": ("Y[n] = X[(exp(n), n)]", errors.TextSyntaxError, 10, "formula"),
    "composite of one": ("Y[n] = X[(n,),]", errors.TextSyntaxError, 9, "formula"),
    "read of a term": ("Y[n] = read(2 * X[n], outside=0)", errors.TextSyntaxError, 7, "arguments"),
    "membership": ("Y = x in X", errors.TextSyntaxError, 4, "formula"),
    "complement": ("Y = ~x", errors.TextSyntaxError, 4, "formula"),
    "many digits": ("Y = (2**64 * 2**64)**64 * x", errors.TextLimitError, 4, "input"),
    "returned term": ("Y = X\nreturn Y + 1", errors.TextSyntaxError, 0, "return Y"),
    "dots after": ("X: real[n, ...]\nY[...] = X[n, ...]", errors.RankError, 0, "real[..., i]"),
    "letter on the left": ("Y[exp(n)] = X[n]", errors.NonAffineIndexError, 2, "2*h + p"),
    "real declared length": (
        "X: real[n, size[n] / 2]\nY[n] = X[n, 0]", errors.NonAffineIndexError, 11, "(g, c)"),
    "loop": ("for n in X:\n  pass", errors.TextSyntaxError, 0, "Y[n, o]"),
    "augmented": ("Y += X", errors.TextSyntaxError, 0, "Y[n, o]"),
    "arguments": ("Y = where(X > 0, 1)", errors.TextSyntaxError, 4, "arguments"),
    "ties": ('Y = max[k](X[k], ties="last")', errors.TextSyntaxError, 4, "arguments"),
    "unclosed": ("Y = (", errors.TextSyntaxError, 4, "equations"),
    "after return": ("Y = X\nreturn Y\nZ = X", errors.TextSyntaxError, 0, "return Y"),
    "nothing": ("", errors.TextSyntaxError, None, "Y[n, o]"),
    "exponent": ("Y = X**65", errors.TextLimitError, 4, "p: real"),
    "nested exponents": ("Y = ((X**9)**9)**9", errors.TextLimitError, None, "p: real"),
    "tower": ("Y = 9**9**9", errors.TextLimitError, 4, "p: real"),
    "long integer": ("Y = X * 9223372036854775808", errors.TextLimitError, 8, "input"),
    "long exponent": ("Y = X * 1e999999999", errors.TextLimitError, 8, "input"),
    "small exponent": ("Y = X * 1e-999999999", errors.TextLimitError, 8, "input"),
    "zero": ("Y = X / 0", errors.TextLimitError, 4, "remove"),
    "greek": ("Y = \u03b1", errors.TextLimitError, 4, "alpha"),
    "null": ("Y = \0", errors.TextLimitError, 4, "spell"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_error_has_its_class_place_and_fix(case: str) -> None:
    text, kind, column, fix = CASES[case]
    with pytest.raises(SymgradError) as caught:
        parse(text)
    error = caught.value
    assert type(error) is kind
    assert fix in error.fix
    if column is not None:
        assert error.column == column
        assert str(error).splitlines()[2].index("^") - 9 == column


def test_columns_count_from_the_margin_of_the_given_text() -> None:
    text = "\n    X: real[n]\n    Y[n] = X[n] + exq(X[n])\n"
    with pytest.raises(errors.UnknownCallError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (3, 18)
    assert text.splitlines()[2][18:].startswith("exq")


@pytest.mark.parametrize(
    "text",
    [
        "Y = " + "(" * (MAX_BRACKETS + 1) + "X" + ")" * (MAX_BRACKETS + 1),
        "Y = " + "X + " * (MAX_CHARACTERS // 4),
        "Y = " + "-" * 9000 + "X",
        "Y = " + "not " * 2000 + "X",
        "Y = " + "X ** " * 1000 + "X",
        "Y = " + "9" * 5000,
        "Y = " + "+".join("X" * 9000),
        "Y = " + "*".join("X" * 3000) + "/ (" + "*".join("X" * 3000) + ")",
        "Y = X\n" * 3000,
    ],
)
def test_texts_beyond_the_limits_end_in_one_error(text: str) -> None:
    with pytest.raises((errors.TextLimitError, errors.RedefinitionError)):
        parse(text)


def test_a_long_sum_is_no_deep_term() -> None:
    system = parse("Y = " + " + ".join(f"X{k}" for k in range(400)))
    assert len(system.inputs) == 400


def test_codes_are_stable_and_unique() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and k is not SymgradError]
    codes = [k.code for k in kinds if issubclass(k, SymgradError)]
    assert len(set(codes)) == len(codes)
    assert all(k.__doc__ for k in kinds)


def test_an_expression_is_one_expression() -> None:
    for text in ("", "x = 1", "x\ny", "var[n](X[n])"):
        with pytest.raises(SymgradError):
            parse_expression(text)
