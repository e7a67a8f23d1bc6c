"""Attention: rows of values, weighted by how well queries match keys."""

from __future__ import annotations

from symgrad.layers.registry import layer

ATTENTION = layer(
    "attention",
    """
    causal: flag = False
    S[..., q, k] = sum[d](Q[..., q, d] * K[..., k, d]) / sqrt(size[d])
    if causal:
        P[..., q, k] = softmax[k](where(k <= q, S[..., q, k], -inf))
    else:
        P[..., q, k] = softmax[k](S[..., q, k])
    O[..., q, e] = sum[k](P[..., q, k] * V[..., k, e])
    """,
    source="torch.nn.functional.scaled_dot_product_attention; Vaswani et al. 2017, "
    "arXiv:1706.03762, eq. 1",
)
