"""Evaluating a System: every element from its definition, in slow and obvious loops.

In: a System and arrays. Out: its tensors. This is the meaning of a System; every fast path is
compared with it. An element is computed when it is first read, so recurrences need no order of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from symgrad.errors import CycleError, IndexRangeError
from symgrad.interpreter.door import as_arrays, batch_shape, bind_sizes, own_batch
from symgrad.interpreter.numbers import DIGITS, FLOAT64, Numbers, mpmath_numbers
from symgrad.interpreter.solve import solve
from symgrad.interpreter.terms import PENDING, Compiler, Environment
from symgrad.interpreter.tilted import tilted_numbers
from symgrad.ir.batch import fix_batch
from symgrad.ir.check import lags
from symgrad.ir.composite import letters_of
from symgrad.ir.kinds import tensor_kinds
from symgrad.ir.visit import elements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from symgrad.ir.equation import Equation, System
    from symgrad.ir.terms import Element, Expr, Index


def evaluate(  # noqa: PLR0913 (each says something else about the call)
    system: System,
    arrays: Mapping[str, ArrayLike],
    *,
    sizes: Mapping[str, int] | None = None,
    numbers: Literal["float64", "mpmath", "tilted"] = "float64",
    digits: int = DIGITS,
    everything: bool = False,
    batch: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the outputs of a System by name, computed element by element.

    The axes `...` of the inputs broadcast as in NumPy; a cotangent `X_bar` is summed to the shape
    of X, if X is an input too or its lengths are given.

    Args:
        system: The System.
        arrays: A value for each input; run-time scalars may be left to their default.
        sizes: Lengths that the arrays do not show.
        numbers: "float64", "mpmath" for many digits (object arrays), or "tilted": a complex step,
            see `symgrad.interpreter.tilted`.
        digits: How many digits mpmath computes with.
        everything: Whether to return all tensors, the inputs included, not only the outputs.
        batch: The lengths of `...` in a tensor that is no input, for its cotangent.

    Raises:
        SymgradError: If the arrays do not fit, or an element is read that does not exist.

    >>> from symgrad.ir.text import parse
    >>> evaluate(parse("Y[n] = sum[i](X[n, i] ** 2)"), {"X": np.array([[1.0, 2.0]])})
    {'Y': array([5.])}
    """
    given = as_arrays(system, arrays)
    letters = [f"b{k}" for k in range(len(batch_shape(system, given)))]
    fixed = fix_batch(system, letters, own_batch(system, given, letters, batch or {}))
    bound = bind_sizes(fixed, given, sizes)
    run = _Run(fixed, given, bound, _arithmetic(numbers, digits))
    names = fixed.outputs
    if everything:
        names = (*given, *fixed.defined)
    return {n: np.array(given[n]) if n in given else run.tensor(n) for n in names}


def _arithmetic(numbers: str, digits: int) -> Numbers:
    if numbers == "tilted":
        return tilted_numbers()
    return FLOAT64 if numbers == "float64" else mpmath_numbers(digits)


@dataclass
class _Run:
    """One evaluation: the inputs, and every element computed so far."""

    system: System
    arrays: Mapping[str, NDArray[Any]]
    sizes: Mapping[str, int]
    numbers: Numbers
    kinds: dict[str, str] = field(init=False)
    compiler: Compiler = field(init=False)
    main: dict[str, Equation] = field(default_factory=dict)
    initial: dict[str, list[Equation]] = field(default_factory=dict)
    memo: dict[tuple[str, tuple[int, ...]], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kinds = tensor_kinds(self.system)
        self.compiler = Compiler(self.numbers, self.sizes, self.kinds, self.read, self.error)
        for equation in self.system.equations:
            if equation.is_main:
                self.main[equation.target] = equation
            else:
                self.initial.setdefault(equation.target, []).append(equation)
        for equation in self.system.equations:
            if equation.target in self.arrays:  # values of an input beyond its range
                continue
            for position in self._positions(equation):
                self.read(equation.target, position)

    def _positions(self, equation: Equation) -> Iterator[tuple[int, ...]]:
        """Yield the positions that an equation defines; ahead first where it looks ahead."""
        ranges: list[Sequence[int]] = []
        for letter in equation.letters:
            steps = range(self.sizes[letter.axis])
            ranges.append(steps[::-1] if _looks_ahead(equation, letter) else steps)
        closures = [self.compiler.exact(i) for i in equation.indices]
        for values in product(*ranges):
            env = dict(zip(equation.letters, values, strict=True))
            yield tuple(int(c(env)) for c in closures)

    def read(self, tensor: str, position: tuple[int, ...]) -> Any:
        """Return an element, computed now or before; None if there is none at the position."""
        array = self.arrays.get(tensor)
        if array is not None:
            return self._read_input(tensor, array, position)
        key = (tensor, position)
        found = self.memo.get(key)
        if found is None:
            self.memo[key] = PENDING
            found = self.memo[key] = self._compute(tensor, position)
        if found is PENDING:
            raise CycleError(
                where=f"{tensor}[{', '.join(map(str, position))}] of {self.system.name}",
                given="an element that its own definition reads",
                expected="a lag: a read of an earlier position",
                fix=f"read {tensor}[t-1, ...]",
            )
        return found

    def _read_input(self, tensor: str, array: NDArray[Any], position: tuple[int, ...]) -> Any:
        if any(not 0 <= k < n for k, n in zip(position, array.shape, strict=True)):
            return self._beyond(tensor, position)
        value = array.item(*position)
        exact = self.kinds[tensor] in ("bool", "int", "index")
        return value if exact else self.numbers.real(value)

    def _beyond(self, tensor: str, position: tuple[int, ...]) -> Any:
        """Return the initial value that is given for a position; None if there is none."""
        for equation in self.initial.get(tensor, ()):
            env = self._match(equation, position)
            if env is not None:
                return self._value(equation, env)
        return None

    def _compute(self, tensor: str, position: tuple[int, ...]) -> Any:
        found = self._beyond(tensor, position)
        if found is not None:
            return found
        main = self.main[tensor]
        env = self._match(main, position)
        if env is not None and main.implicit:
            solve(main, self.sizes, self.numbers, self.compiler, self.memo)
            return self.memo[tensor, position]
        return None if env is None else self._value(main, env)

    def _match(self, equation: Equation, position: tuple[int, ...]) -> Environment | None:
        env: Environment = {}
        for index, at in zip(equation.indices, position, strict=True):
            letters = letters_of(index)
            if not letters and self.compiler.exact(index)({}) != at:
                return None
            if letters and not 0 <= at < self._length(index):
                return None
            rest = at
            for letter in reversed(letters):
                rest, env[letter] = divmod(rest, self.sizes[letter.axis])
        return env

    def _value(self, equation: Equation, env: Environment) -> Any:
        exact = self.kinds[equation.target] == "int"
        closure: Callable[[Environment], Any] = self.compiler.value(equation.value)
        return int(closure(env)) if exact else closure(env)

    def error(self, element: Element, position: tuple[int, ...]) -> IndexRangeError:
        """Return the error about a read that is out of range."""
        return IndexRangeError(
            where=f"{element} of {self.system.name}",
            given=f"the position {list(position)}, which is out of range",
            expected="a position in range; negative ones never wrap",
            fix=f"read({element}, outside=0), a condition on the indices, or an initial value",
        )

    def _length(self, index: Expr) -> int:
        return prod(self.sizes[i.axis] for i in letters_of(index))

    def tensor(self, name: str) -> NDArray[Any]:
        """Return a tensor as an array."""
        equation = self.main[name]
        shape = tuple(self._length(i) for i in equation.indices)
        real = np.float64 if self.numbers is FLOAT64 else object
        dtype: Any = {"int": np.int64, "bool": np.bool_}.get(self.kinds[name], real)
        array: NDArray[Any] = np.empty(shape, dtype)
        for position in np.ndindex(*shape):
            array[position] = self.read(name, position)
        return array


def _looks_ahead(equation: Equation, letter: Index) -> bool:
    """Return whether an equation reads a later position of a letter, as `H[t+1]` does."""
    shifts = [lags(equation, e).get(letter.name, (0, 0))[1] for e in elements(equation.value)]
    return any(steps > 0 for steps in shifts)
