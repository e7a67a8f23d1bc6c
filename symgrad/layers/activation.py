"""Element-wise activations, and the softmax family over the last axis."""

from __future__ import annotations

from symgrad.layers.registry import layer

RELU = layer("relu", "Y[...] = relu(X[...])", source="Nair & Hinton 2010; torch.nn.ReLU")

SIGMOID = layer("sigmoid", "Y[...] = sigmoid(X[...])", source="torch.nn.Sigmoid")

TANH = layer("tanh", "Y[...] = tanh(X[...])", source="torch.nn.Tanh")

LEAKY_RELU = layer(
    "leaky_relu",
    """
    slope: real = 0.01
    Y[...] = where(X[...] > 0, X[...], slope * X[...])
    """,
    source="Maas, Hannun & Ng 2013; torch.nn.LeakyReLU",
)

SOFTPLUS = layer("softplus", "Y[...] = softplus(X[...])", source="torch.nn.Softplus")

SILU = layer(
    "silu",
    "Y[...] = X[...] * sigmoid(X[...])",
    source="Elfwing, Uchibe & Doya 2017, arXiv:1702.03118; torch.nn.SiLU",
)

GELU = layer(
    "gelu",
    "Y[...] = X[...] * (1 + erf(X[...] / sqrt(2))) / 2",
    source="Hendrycks & Gimpel 2016, arXiv:1606.08415; torch.nn.GELU",
)

SOFTMAX = layer(
    "softmax",
    """
    E[..., k] = exp(X[..., k])
    Z[...]    = sum[k](E[..., k])
    P[..., k] = E[..., k] / Z[...]
    """,
    source="Bridle 1990; torch.softmax over the last axis",
)

LOG_SOFTMAX = layer(
    "log_softmax",
    """
    E[..., k] = exp(X[..., k])
    Z[...]    = sum[k](E[..., k])
    P[..., k] = E[..., k] / Z[...]
    Y[..., k] = log(P[..., k])
    """,
    source="torch.log_softmax over the last axis",
)

LOGSUMEXP = layer(
    "logsumexp",
    "Y[...] = logsumexp[k](X[..., k])",
    source="torch.logsumexp over the last axis",
)
