"""Rules that name what is stable: towards logsumexp, shifted exponentials, sigmoid and softplus.

In: terms in normal form. Out: terms in which every exponential that is divided by a sum of
exponentials is shifted (`exp(x - logsumexp(x))`), `log(sum(exp))` is logsumexp, `1 / (1 + exp(x))`
a sigmoid and `log(1 + exp(x))` a softplus. `FOLDING` is their order.

Source: Blanchard, Higham & Higham 2021, "Accurately computing the log-sum-exp and softmax
functions", IMA J. Numer. Anal. 41(4), sections 3 and 4.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.build import add, call, mul, neg, power, split_coefficient, split_power
from symgrad.ir.terms import ONE, ZERO, Add, Call, Compare, Const, Expr, Mul, Power, Reduce
from symgrad.ir.visit import arguments, close_reduce, open_reduce
from symgrad.rewriting.rule import rule

if TYPE_CHECKING:
    from symgrad.rewriting.facts import Facts


@rule(
    law="log(sum[k](exp(x(k)))) = logsumexp[k](x(k))",
    shrinks="exponentials that can overflow",
    before="Y[n] = log(sum[k](exp(X[n, k])))",
    after="Y[n] = logsumexp[k](X[n, k])",
    nodes=(Call,),
)
def name_logsumexp(expr: Expr, _facts: Facts) -> Expr | None:
    """Name the logarithm of a sum of exponentials."""
    assert isinstance(expr, Call)
    return _logsumexp(expr.args[0]) if expr.function == "log" else None


def _logsumexp(expr: Expr) -> Expr | None:
    """Return logsumexp of x if the term is a sum of exp(x), else None."""
    if not isinstance(expr, Reduce) or expr.op != "sum":
        return None
    bound, body, condition = open_reduce(expr)
    exponent = _exponent(body)
    return None if exponent is None else close_reduce("logsumexp", bound, exponent, condition)


def _exponent(expr: Expr) -> Expr | None:
    """Return u where the term is exp(u), products and powers of exponentials included."""
    total: list[Expr] = []
    for factor in arguments(expr, Mul):
        base, exponent = split_power(factor)
        if not isinstance(base, Call) or base.function != "exp":
            return None
        total.append(mul(Const(exponent), base.args[0]))
    return add(*total)


@rule(
    law="exp(x)**p * sum[k](exp(y(k)))**q = exp(p*x + q*logsumexp[k](y(k)))",
    when="there are two such factors or more",
    shrinks="exponentials that can overflow",
    before="Y[n, k] = exp(X[n, k]) / exp(a[n])",
    after="Y[n, k] = exp(X[n, k] - a[n])",
    nodes=(Mul,),
)
def merge_exponentials(expr: Expr, _facts: Facts) -> Expr | None:
    """Merge exponentials, and powers of sums of exponentials, into one exponential."""
    merged: list[Expr] = []
    rest: list[Expr] = []
    for factor in arguments(expr, Mul):
        base, exponent = split_power(factor)
        inner = _exponent(base) if isinstance(base, Call) else _logsumexp(base)
        if inner is None:
            rest.append(factor)
        else:
            merged.append(mul(Const(exponent), inner))
    if len(merged) < 2:
        return None
    return mul(*rest, call("exp", add(*merged)))


@rule(
    law="exp(x)**p = exp(p*x)",
    shrinks="powers of exponentials",
    before="Y[n] = 1 / sqrt(exp(X[n]))",
    after="Y[n] = exp(-X[n] / 2)",
    nodes=(Power,),
)
def absorb_power(expr: Expr, _facts: Facts) -> Expr | None:
    """Write a power of an exponential as an exponential."""
    assert isinstance(expr, Power)
    inner = _exponent(expr)
    return None if inner is None else call("exp", inner)


@rule(
    law="sum[j](exp(x(j)) * f(j)) / z = sum[j](exp(x(j)) / z * f(j))",
    when="z is a sum of exponentials",
    shrinks="exponentials outside of a quotient",
    before="Y[n] = sum[j](exp(X[n, j]) * V[j]) / sum[j](exp(X[n, j]))",
    after="Y[n] = sum[j](exp(X[n, j]) * V[j] / sum[j2](exp(X[n, j2])))",
    nodes=(Mul,),
)
def normalise_weights(expr: Expr, _facts: Facts) -> Expr | None:
    """Move the quotient of a softmax to its exponentials, inside the sum that they weight."""
    factors = arguments(expr, Mul)
    below = [f for f in factors if isinstance(f, Power) and f.exponent < 0 and _logsumexp(f.base)]
    for k, factor in enumerate(factors):
        if below and isinstance(factor, Reduce) and factor.op == "sum" and _has_exponential(factor):
            rest = [f for j, f in enumerate(factors) if j != k and f is not below[0]]
            bound, body, condition = open_reduce(factor, avoid=below[0].free)
            return mul(*rest, close_reduce("sum", bound, mul(body, below[0]), condition))
    return None


def _has_exponential(expr: Reduce) -> bool:
    bases = [split_power(f)[0] for f in arguments(expr.body, Mul)]
    return any(isinstance(b, Call) and b.function == "exp" for b in bases)


@rule(
    law="1 / (1 + exp(x)) = sigmoid(-x), log(1 + exp(x)) = softplus(x)",
    shrinks="exponentials that can overflow",
    before="Y[n] = 1 / (1 + exp(X[n]))",
    after="Y[n] = sigmoid(-X[n])",
    nodes=(Power, Call),
)
def name_sigmoid(expr: Expr, _facts: Facts) -> Expr | None:
    """Name the reciprocal and the logarithm of one plus an exponential."""
    if isinstance(expr, Call):
        inner = _one_plus_exponential(expr.args[0]) if expr.function == "log" else None
        return None if inner is None else call("softplus", inner)
    assert isinstance(expr, Power)
    inner = _one_plus_exponential(expr.base) if expr.exponent < 0 else None
    return None if inner is None else power(call("sigmoid", neg(inner)), -expr.exponent)


def _one_plus_exponential(expr: Expr) -> Expr | None:
    if not isinstance(expr, Add) or len(expr.terms) != 2 or ONE not in expr.terms:
        return None
    other = next(t for t in expr.terms if t is not ONE)
    return _exponent(other)


@rule(
    law="exp(x) * sigmoid(-x) = sigmoid(x)",
    shrinks="exponentials that can overflow",
    before="Y[n] = exp(X[n]) * sigmoid(-X[n])",
    after="Y[n] = sigmoid(X[n])",
    nodes=(Mul,),
)
def absorb_exponential(expr: Expr, _facts: Facts) -> Expr | None:
    """Absorb an exponential into the sigmoid that bounds it."""
    table: dict[Expr, Fraction] = {}
    for factor in arguments(expr, Mul):
        base, count = split_power(factor)
        is_exp = isinstance(base, Call) and base.function == "exp"
        split = (
            _split_exp(base.args[0]) if isinstance(base, Call) and is_exp else {base: Fraction(1)}
        )
        for part, exponent in split.items():
            table[part] = table.get(part, Fraction(0)) + exponent * count
    expr = mul(*(power(b, e) for b, e in table.items()))
    for base, count in table.items():
        if not isinstance(base, Call) or base.function != "sigmoid" or count < 1:
            continue
        target = _split_exp(neg(base.args[0]))
        if target and all(_covers(table.get(b), e) for b, e in target.items()):
            shift = [power(b, -e) for b, e in target.items()]
            return mul(expr, power(base, -1), *shift, call("sigmoid", neg(base.args[0])))
    return None


def _split_exp(exponent: Expr) -> dict[Expr, Fraction]:
    """Return the factors of exp(exponent) as the normal form splits it: base to power."""
    table: dict[Expr, Fraction] = {}
    for term in arguments(exponent, Add):
        coefficient, rest = split_coefficient(term)
        table[call("exp", rest)] = coefficient
    return table


def _covers(available: Fraction | None, needed: Fraction) -> bool:
    """Return whether a power of at least `needed`, of the same sign, is there."""
    if available is None:
        return False
    return available >= needed > 0 or available <= needed < 0


@rule(
    law="(relu(x) > 0) = (x > 0)",
    shrinks="functions inside comparisons",
    before="Y[i] = relu(X[i]) > 0",
    after="Y[i] = X[i] > 0",
    nodes=(Compare,),
)
def compare_positive_part(expr: Expr, _facts: Facts) -> Expr | None:
    """Read the sign of a positive part off its argument."""
    assert isinstance(expr, Compare)
    right = expr.right
    if (
        expr.op == "<"
        and expr.left is ZERO
        and isinstance(right, Call)
        and right.function == "relu"
    ):
        return Compare("<", ZERO, right.args[0])
    return None


FOLDING = (
    compare_positive_part,
    name_logsumexp,
    name_sigmoid,
    absorb_exponential,
    normalise_weights,
    merge_exponentials,
    absorb_power,
)
