"""Losses; means are over all elements, as in torch, and over the batch for index targets."""

from __future__ import annotations

from symgrad.layers.registry import layer

CROSS_ENTROPY = layer(
    "cross_entropy",
    """
    reduction: "mean" | "sum" | "none" = "mean"
    X: real[..., c]
    T: index(c)[...]
    E[..., c] = exp(X[..., c])
    Z[...]    = sum[c](E[..., c])
    P[..., c] = E[..., c] / Z[...]
    if reduction == "mean":
        L = -mean[...](log(P[..., T[...]]))
    elif reduction == "sum":
        L = -sum[...](log(P[..., T[...]]))
    else:
        L[...] = -log(P[..., T[...]])
    """,
    source="torch.nn.CrossEntropyLoss with index targets, classes on the last axis",
)

MSE = layer(
    "mse",
    """
    reduction: "mean" | "sum" | "none" = "mean"
    if reduction == "mean":
        L = mean[...]((X[...] - T[...]) ** 2)
    elif reduction == "sum":
        L = sum[...]((X[...] - T[...]) ** 2)
    else:
        L[...] = (X[...] - T[...]) ** 2
    """,
    source="torch.nn.MSELoss",
)

L1 = layer(
    "l1",
    "L = mean[...](abs(X[...] - T[...]))",
    source="torch.nn.L1Loss",
)

BCE_WITH_LOGITS = layer(
    "bce_with_logits",
    "L = mean[...](softplus(X[...]) - X[...] * T[...])",
    source="torch.nn.BCEWithLogitsLoss",
)

HUBER = layer(
    "huber",
    """
    delta: positive = 1
    D[...] = X[...] - T[...]
    H[...] = where(abs(D[...]) < delta, D[...] ** 2 / 2, delta * (abs(D[...]) - delta / 2))
    L      = mean[...](H[...])
    """,
    source="Huber 1964; torch.nn.HuberLoss",
)
