"""Forward mode: a System in, the System of its tangents out.

The independent second opinion on `symgrad.autodiff.adjoint`: the walk goes the other way, carries
no seed, solves no delta and shares only the derivative rows. `<J v, w> = <v, J^T w>` compares the
two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.autodiff.adjoint import active_tensors, check_wrt, default_wrt
from symgrad.autodiff.conventions import with_convention
from symgrad.autodiff.orders import set_apart
from symgrad.autodiff.partials import partial_derivatives, reduction_partial
from symgrad.ir.build import add, mul, power
from symgrad.ir.equation import Equation, System
from symgrad.ir.terms import (
    ZERO,
    Add,
    Call,
    Const,
    Element,
    Expr,
    Mul,
    Power,
    Reduce,
    Where,
)
from symgrad.ir.visit import close_reduce, open_reduce

if TYPE_CHECKING:
    from collections.abc import Sequence

DOT = "_dot"


def derive_jvp(
    system: System, wrt: Sequence[str] | None = None, *, conventions: str = "torch"
) -> System:
    """Return the System that pushes tangents forward.

    Args:
        system: The primal System.
        wrt: The inputs to differentiate; by default those that `derive` takes.
        conventions: What holds at kinks and ties: "torch", "jax" or "share".

    Returns:
        A System whose inputs are those of `system` and a tangent `X_dot` for each X in `wrt`, and
        whose outputs are `Y_dot` for each output. Law: `Y_dot = J X_dot`.
    """
    system = with_convention(system, conventions)
    names = check_wrt(system, default_wrt(system) if wrt is None else wrt)
    apart = set_apart(system, DOT)
    if apart is not None:
        return apart.renamed(derive_jvp(apart.system, [apart.names[n] for n in names]))
    active = active_tensors(system, names)
    equations: list[Equation] = []
    for equation in system.equations:
        equations.append(equation)
        tangent = _tangent(equation.value, active)
        equations.append(Equation(equation.target + DOT, equation.indices, tangent))
    tangents = tuple(
        replace(system.tensor(n), name=n + DOT, kind="real", default=None, optional=False)
        for n in names
    )
    passed = tuple(
        Equation(o + DOT, system.tensor(o).positions(), ZERO)
        for o in system.outputs
        if o not in system.defined and o not in names
    )
    return System(
        f"{system.name}_jvp",
        (*system.inputs, *tangents),
        (*equations, *passed),
        tuple(o + DOT for o in system.outputs),
        (),
        system.sizes,
    )


def _tangent(node: Expr, active: set[str]) -> Expr:
    match node:
        case Element():
            if node.tensor not in active:
                return ZERO
            outside = None if node.outside is None else ZERO
            return Element(node.tensor + DOT, node.indices, outside)
        case Add():
            return add(*(_tangent(t, active) for t in node.terms))
        case Mul():
            return add(
                *(
                    mul(_tangent(f, active), *node.factors[:k], *node.factors[k + 1 :])
                    for k, f in enumerate(node.factors)
                )
            )
        case Power():
            slope = mul(Const(node.exponent), power(node.base, node.exponent - 1))
            return mul(slope, _tangent(node.base, active))
        case Call():
            slopes = zip(partial_derivatives(node), node.args, strict=True)
            return add(*(mul(p, t) for p, a in slopes if (t := _tangent(a, active)) is not ZERO))
        case Where():
            then, otherwise = _tangent(node.then, active), _tangent(node.otherwise, active)
            return ZERO if then is otherwise is ZERO else Where(node.condition, then, otherwise)
        case Reduce():
            return _tangent_of_reduction(node, active)
        case _:
            return ZERO


def _tangent_of_reduction(node: Reduce, active: set[str]) -> Expr:
    bound, body, condition = open_reduce(node)
    inner = _tangent(body, active)
    if inner is ZERO:
        return ZERO
    partial = reduction_partial(node, bound, body, condition)
    return close_reduce("sum", bound, mul(partial, inner), condition)
