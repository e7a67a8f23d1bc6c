"""Normalisation of each row over its last axis."""

from __future__ import annotations

from symgrad.layers.registry import layer

LAYER_NORM = layer(
    "layer_norm",
    """
    eps: positive = 1e-5
    M[...]    = mean[d](X[..., d])
    S[...]    = mean[d]((X[..., d] - M[...]) ** 2)
    R[...]    = 1 / sqrt(S[...] + eps)
    H[..., d] = (X[..., d] - M[...]) * R[...]
    Y[..., d] = g[d] * H[..., d] + b[d]
    """,
    params="g b",
    source="Ba, Kiros & Hinton 2016, arXiv:1607.06450, sec. 3",
)

RMS_NORM = layer(
    "rms_norm",
    """
    eps: positive = 1e-5
    S[...]    = mean[d](X[..., d] ** 2)
    R[...]    = 1 / sqrt(S[...] + eps)
    H[..., d] = X[..., d] * R[...]
    Y[..., d] = g[d] * H[..., d]
    """,
    params="g",
    source="Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4",
)

L2_NORMALIZE = layer(
    "l2_normalize",
    """
    N[...]    = sqrt(sum[d](X[..., d] ** 2))
    U[..., d] = X[..., d] / N[...]
    """,
    source="torch.nn.functional.normalize with eps = 0",
)
