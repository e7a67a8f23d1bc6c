"""The interpreter: what a System means, in slow and obvious loops."""

from symgrad.interpreter.door import bind_sizes
from symgrad.interpreter.run import evaluate

__all__ = ["bind_sizes", "evaluate"]
