"""The autograd wrapper of every layer: once, twice, forward, batched; and what it keeps."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.batch import fix_batch
from symgrad.ir.terms import Size
from symgrad.ir.text import parse
from symgrad.layers.registry import LAYERS
from symgrad.verification.checks import CHECKS
from symgrad.verification.subject import Subject
from symgrad.verification.verify import search
from tests.codegen.test_golden import OPTIMIZERS

if TYPE_CHECKING:
    from symgrad.codegen.generate import Generated

DIFFERENTIABLE = [name for name in LAYERS if name not in OPTIMIZERS]


@cache
def generated(name: str) -> Generated:
    return build(derive(LAYERS[name].system()), "torch")


def arguments(name: str, *, grad: bool = True) -> list[Any]:
    """Return random arguments of a layer, away from kinks."""
    torch.manual_seed(len(name))
    system = fix_batch(LAYERS[name].system(), ("n",))
    sizes = dict(zip(system.axes, (3, 4, 5, 2, 6), strict=False))
    made: list[Any] = []
    for tensor in (system.tensor(n) for n in generated(name).forward_arguments):
        shape = [sizes[s.axis] for s in tensor.shape if isinstance(s, Size)]
        if tensor.kind == "index":
            made.append(torch.randint(0, sizes[str(tensor.limit)], shape))
        elif tensor.default is not None:
            made.append(float(tensor.default))
        else:
            value = torch.randn(shape, dtype=torch.float64)
            made.append((value + value.sign() / 10).requires_grad_(grad))
    return made


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_agree_with_differences_in_all_modes(name: str) -> None:
    apply = generated(name).namespace[name]
    batched = "index" not in {t.kind for t in LAYERS[name].system().inputs}
    with warnings.catch_warnings():
        # torch scripts its own forward-mode formulas, and warns of it
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
        assert gradcheck(apply, arguments(name), check_forward_ad=True, check_batched_grad=batched)
        assert gradgradcheck(apply, arguments(name))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_wrapper_keeps_what_the_derivation_saves_and_no_more(name: str) -> None:
    kept: list[tuple[int, ...]] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tuple(tensor.shape))
        return tensor

    derivation = derive(LAYERS[name].system())
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        result = generated(name).namespace[name](*arguments(name))
    assert result is not None
    numbers = {t.name for t in derivation.system.inputs if not t.shape}
    assert len(kept) == len([s for s in derivation.saved if s not in numbers])


def test_third_derivatives_are_right() -> None:
    apply = generated("softmax").namespace["softmax"]
    X = arguments("softmax")[0]

    def third(function: Any) -> torch.Tensor:
        gradient = function(X) * torch.arange(12).reshape(3, 4)
        for _ in range(3):
            value = (gradient * gradient).sum()
            (gradient,) = torch.autograd.grad(value, X, create_graph=True)
        return gradient

    torch.testing.assert_close(third(apply), third(lambda x: torch.softmax(x, dim=1)))


def test_a_layer_runs_under_vmap() -> None:
    apply = generated("linear").namespace["linear"]
    X, W, b = (torch.randn(2, *t.shape, dtype=t.dtype) for t in arguments("linear", grad=False))
    found = torch.func.vmap(apply)(X, W, b)
    torch.testing.assert_close(found, X @ W.mT + b[:, None])


def test_a_length_that_nothing_saved_has_is_remembered() -> None:
    made = build(derive(parse("Y[n] = sum[k](X[n, k])", name="total")), "torch")
    X = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    made.namespace["total"](X).sum().backward()
    assert made.vjp_arguments == ("Y_bar", "k")
    assert X.grad is not None
    torch.testing.assert_close(X.grad, torch.ones_like(X))


def test_a_number_that_is_differentiated_gets_a_gradient() -> None:
    system = parse("c: real = 2\nY[n] = X[n] * c", name="scale")
    made = build(derive(system, ["X", "c"]), "torch")
    X = torch.arange(3, dtype=torch.float64)
    c = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    made.namespace["scale"](X, c).sum().backward()
    assert float(c.grad) == 3  # type: ignore[arg-type]
    assert float(made.namespace["scale"](X, 3.0).sum()) == 9


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_tensor_is_made_on_the_device_of_the_arguments(name: str) -> None:
    """A meta tensor meets no other device; index ranges need values, so those layers are left."""
    given = [a.to("meta") if isinstance(a, torch.Tensor) else a for a in arguments(name)]
    if "index" in {t.kind for t in LAYERS[name].system().inputs}:
        source = generated(name).source
        makers = [line for line in source.splitlines() if "torch.arange(" in line]
        assert all("device=" in line for line in makers)
        return
    result = generated(name).namespace[name](*given)
    assert result.device.type == "meta"
    (gradient, *_) = torch.autograd.grad(result.sum(), [a for a in given if hasattr(a, "grad_fn")])
    assert gradient.device.type == "meta"


def test_what_only_the_second_derivative_reads_is_computed_anew() -> None:
    subject = Subject(derive(LAYERS["lars"].system()), "torch")
    for check in ("vjp equals the adjoint", "wrapper is differentiable twice"):
        assert search(CHECKS[check], subject, examples=3).verdict == "ok"
