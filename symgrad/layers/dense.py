"""Layers that contract the features of a row."""

from __future__ import annotations

from symgrad.layers.registry import layer

LINEAR = layer(
    "linear",
    """
    Y[..., o] = sum[i](X[..., i] * W[o, i]) + b[o]
    """,
    params="W b",
    source="torch.nn.Linear",
)
