"""The closed table of scalar functions: the only place where a derivative is written down.

In: nothing. Out: `FUNCTIONS`, a row for each function that the equation language knows. A row is
data: texts of the equation language over `x` (the first argument), `z` (the second) and `y` (the
value), and the spelling on each target. `sympy.diff` and mpmath check every derivative in the
tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class ScalarFunction:
    """A row of the table.

    Attributes:
        name: The name in the equation language.
        derivatives: For each argument its partial derivative, over x, z and y.
        definition: The function in terms of simpler ones, or None for a primitive.
        domain: Open interval of the first argument on which it is defined.
        kinks: Points of the first argument where the derivative jumps (binary rows: where x = z).
        at_kink: The convention at those points, in words.
        spelled: For a convention at kinks the same function with the derivative that it wants.
        numpy: Spelling in NumPy, with {x} and {z} for the arguments.
        torch: Spelling in torch.
        mpmath: Spelling in mpmath, with `mp` for the module.
        piecewise: Whether the function or its derivative is defined by cases.
    """

    name: str
    derivatives: tuple[str, ...]
    definition: str | None = None
    domain: tuple[float, float] = (-inf, inf)
    kinks: tuple[float, ...] = ()
    at_kink: str = ""
    spelled: tuple[tuple[str, str], ...] = ()
    numpy: str = ""
    torch: str = ""
    mpmath: str = ""
    piecewise: bool = False

    @property
    def arity(self) -> int:
        """Number of arguments."""
        return len(self.derivatives)


def _row(name: str, *derivatives: str, **fields: object) -> ScalarFunction:
    """Return a row whose spellings are `np.name`, `torch.name` and `mp.name` unless given."""
    arguments = "{x}" if len(derivatives) == 1 else "{x}, {z}"
    spelled = {
        "numpy": f"np.{name}({arguments})",
        "torch": f"torch.{name}({arguments})",
        "mpmath": f"mp.{name}({arguments})",
    }
    return ScalarFunction(name, derivatives, **{**spelled, **fields})  # type: ignore[arg-type]


_TORCH = "as in PyTorch"

#: What may be asked for at kinks and ties; see `symgrad.autodiff.conventions`.
CONVENTIONS = ("torch", "jax", "share")

_ROWS = (
    _row("exp", "y"),
    _row("log", "1 / x", domain=(0, inf)),
    _row("expm1", "y + 1", definition="exp(x) - 1"),
    _row("log1p", "1 / (1 + x)", definition="log(1 + x)", domain=(-1, inf)),
    _row("sin", "cos(x)"),
    _row("cos", "-sin(x)"),
    _row("tan", "1 + y**2", definition="sin(x) / cos(x)"),
    _row("atan", "1 / (1 + x**2)", numpy="np.arctan({x})"),
    _row("sinh", "cosh(x)", definition="(exp(x) - exp(-x)) / 2"),
    _row("cosh", "sinh(x)", definition="(exp(x) + exp(-x)) / 2"),
    _row("tanh", "1 - y**2", definition="(exp(x) - exp(-x)) / (exp(x) + exp(-x))"),
    _row(
        "sigmoid",
        "y * (1 - y)",
        definition="1 / (1 + exp(-x))",
        # tanh never overflows, and 0.5 + 0.5 * tanh(x / 2) loses the small tail: use the
        # exponential of -|x|, which is exact to rounding on both sides.
        numpy="np.where({x} >= 0, 1.0, np.exp(-np.abs({x}))) / (1.0 + np.exp(-np.abs({x})))",
        mpmath="1 / (1 + mp.exp(-{x}))",
    ),
    _row(
        "softplus",
        "sigmoid(x)",
        definition="log(1 + exp(x))",
        numpy="np.logaddexp({x}, 0.0)",
        torch="torch.logaddexp({x}, torch.zeros_like({x}))",
        mpmath="mp.log1p(mp.exp({x})) if {x} < 0 else {x} + mp.log1p(mp.exp(-{x}))",
    ),
    _row(
        "erf",
        "2 / sqrt(pi) * exp(-x**2)",
        numpy="",  # NumPy has none: lowered to a helper that the generated file carries
        torch="torch.erf({x})",
    ),
    _row(
        "abs",
        "sign(x)",
        kinks=(0,),
        at_kink=f"0, {_TORCH}",
        mpmath="abs({x})",
        piecewise=True,
    ),
    _row("sign", "0", kinks=(0,), at_kink=f"0, {_TORCH}", piecewise=True),
    _row(
        "relu",
        "y > 0",
        definition="maximum(x, 0)",
        kinks=(0,),
        at_kink=f"0, {_TORCH}",
        spelled=(("share", "maximum(x, 0)"),),
        numpy="np.maximum({x}, 0.0)",
        mpmath="max({x}, mp.mpf(0))",
        piecewise=True,
    ),
    _row(
        "maximum",
        "(x > z) + (x == z) / 2",
        "(x < z) + (x == z) / 2",
        kinks=(0,),
        at_kink=f"1/2 to each on a tie, {_TORCH}",
        mpmath="max({x}, {z})",
        piecewise=True,
    ),
    _row(
        "minimum",
        "(x < z) + (x == z) / 2",
        "(x > z) + (x == z) / 2",
        kinks=(0,),
        at_kink=f"1/2 to each on a tie, {_TORCH}",
        mpmath="min({x}, {z})",
        piecewise=True,
    ),
    _row(
        "pow",
        "z * pow(x, z - 1)",
        "y * log(x)",
        domain=(0, inf),
        numpy="{x} ** {z}",
        torch="{x} ** {z}",
        mpmath="{x} ** {z}",
    ),
    _row("floor", "0", at_kink=f"0, {_TORCH}", piecewise=True),
    _row("stop", "0", numpy="{x}", torch="{x}.detach()", mpmath="{x}"),
    _row("straight_through", "0", "1", numpy="{x}", torch="{x}", mpmath="{x}"),
)

#: Every scalar function, by name.
FUNCTIONS: dict[str, ScalarFunction] = {row.name: row for row in _ROWS}
