"""Partial derivatives of one node: of a scalar function by its row, of a reduction by its body.

In: a `Call` or an opened `Reduce`. Out: terms. Reverse and forward mode share this module and
nothing else, so that each is a second opinion on the other.
"""

from __future__ import annotations

from functools import cache

from symgrad.ir.build import call, collect, compare, div, mul, sub
from symgrad.ir.composite import composite
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import ONE, ZERO, Call, Expr, Index, Logic, Reduce, Size
from symgrad.ir.text import parse_expression
from symgrad.ir.visit import close_reduce, rebuild, replace_elements, substitute

_ARGUMENTS = ("x", "z")


@cache
def derivative_row(function: str, argument: int) -> Expr:
    """Return a row of the table as a term over the rank-0 elements x, z and y."""
    return canonical(parse_expression(FUNCTIONS[function].derivatives[argument]))


@cache
def definition_row(function: str) -> Expr | None:
    """Return the definition of a function over the rank-0 elements x and z, if it has one."""
    text = FUNCTIONS[function].definition
    return None if text is None else canonical(parse_expression(text))


def canonical(expr: Expr) -> Expr:
    """Return a term rebuilt bottom-up with smart constructors; no law beyond theirs is applied."""
    return collect(rebuild(expr, canonical))


def instantiate(row: Expr, values: dict[str, Expr]) -> Expr:
    """Return a row with its rank-0 elements replaced by terms."""
    return canonical(replace_elements(row, lambda e: values.get(e.tensor)))


def partial_derivatives(node: Call) -> tuple[Expr, ...]:
    """Return the partial derivative of a function application by each argument, where it stands.

    Whole numbers, `//` and `%`, have none.
    """
    if node.function not in FUNCTIONS:
        return (ZERO,) * len(node.args)
    values = dict(zip(_ARGUMENTS, node.args, strict=False))
    values["y"] = node
    return tuple(
        instantiate(derivative_row(node.function, k), values) for k in range(len(node.args))
    )


def reduction_partial(
    node: Reduce, bound: tuple[Index, ...], body: Expr, condition: Expr | None
) -> Expr:
    """Return the derivative of a reduction by its body at the opened indices `bound`.

    Args:
        node: The reduction.
        bound: Its indices, opened.
        body: Its body over them.
        condition: What restricts its range, over them.

    sum: 1. logsumexp: `exp(body - node)`. prod: the product over all other points. max and min: the
    indicator of the chosen point, shared among ties or given to the first as `node.ties` says.
    """
    match node.op:
        case "sum":
            return ONE
        case "logsumexp":
            return call("exp", sub(body, node))
        case "prod":
            return _product_of_others(bound, body, condition)
        case "max" | "min":
            return _chosen(node, bound, body, condition)
        case _:
            return ZERO


def _product_of_others(bound: tuple[Index, ...], body: Expr, condition: Expr | None) -> Expr:
    mentioned = (*bound, *body.free, *(condition.free if condition is not None else ()))
    lowest = min(i.serial for i in mentioned)
    other = tuple(Index(i.name, i.axis, lowest - k) for k, i in enumerate(bound, start=1))
    renamed: dict[Index, Expr] = dict(zip(bound, other, strict=True))
    differs: Expr = compare("!=", other[0], bound[0])
    for mine, theirs in zip(bound[1:], other[1:], strict=True):
        differs = sub(ONE, mul(sub(ONE, differs), compare("==", theirs, mine)))
    if condition is not None:
        differs = Logic("and", (substitute(condition, renamed), differs))
    return close_reduce("prod", other, substitute(body, renamed), differs)


def _chosen(node: Reduce, bound: tuple[Index, ...], body: Expr, condition: Expr | None) -> Expr:
    attained = compare("==", body, node)
    if node.ties == "first":
        first = Reduce(f"arg{node.op}", node.bound, node.body, node.condition)
        position = composite(bound, [Size(i.axis) for i in bound])  # as argmax counts
        return compare("==", first, canonical(position))
    count = close_reduce("sum", bound, attained, condition)
    return div(attained, count)
