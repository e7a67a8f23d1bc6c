"""symgrad: equations in, verified gradients out."""

__version__ = "0.1.0"
