"""symgrad: equations in, verified gradients out.

The public verbs are imported on first use, so that `import symgrad` loads neither torch nor SymPy.

Example:
    >>> import symgrad
    >>> derivation = symgrad.derive(symgrad.parse("Y[n] = sigmoid(X[n])"))
    >>> print(derivation.backward.equations[0])
    X_bar[n] = Y[n] * Y_bar[n] * (1 - Y[n])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symgrad.autodiff.derive import derive
    from symgrad.autodiff.tangent import derive_jvp
    from symgrad.codegen.generate import build, generate
    from symgrad.interop.torch_ops import from_torch
    from symgrad.interpreter import evaluate
    from symgrad.ir.compose import compose
    from symgrad.ir.text import parse
    from symgrad.layers.registry import layer
    from symgrad.rewriting.equality import equivalent
    from symgrad.training.loop import fit
    from symgrad.verification.verify import verify

__version__ = "0.1.0"

_HOMES = {
    "build": "symgrad.codegen.generate",
    "compose": "symgrad.ir.compose",
    "derive": "symgrad.autodiff.derive",
    "derive_jvp": "symgrad.autodiff.tangent",
    "equivalent": "symgrad.rewriting.equality",
    "evaluate": "symgrad.interpreter",
    "fit": "symgrad.training.loop",
    "from_torch": "symgrad.interop.torch_ops",
    "generate": "symgrad.codegen.generate",
    "layer": "symgrad.layers.registry",
    "parse": "symgrad.ir.text",
    "verify": "symgrad.verification.verify",
}

__all__ = [
    "build",
    "compose",
    "derive",
    "derive_jvp",
    "equivalent",
    "evaluate",
    "fit",
    "from_torch",
    "generate",
    "layer",
    "parse",
    "verify",
]


def __getattr__(name: str) -> object:
    """Import a public verb when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'symgrad' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
