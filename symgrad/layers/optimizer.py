"""Optimizer steps as update equations.

The order of inputs says what they are: the parameter, its gradient, then the states; scalars are
the settings. Outputs: the new parameter, then the new states in order. States start at zero, and
`t` counts the steps from 0.
"""

from __future__ import annotations

from symgrad.layers.registry import layer

SGD = layer(
    "sgd",
    """
    P: real[...]
    G: real[...]
    V: real[...]
    t: int = 0
    lr: positive = 0.001
    momentum: nonnegative = 0
    dampening: real = 0
    weight_decay: nonnegative = 0
    nesterov: flag = False
    D[...]     = G[...] + weight_decay * P[...]
    V_new[...] = where(t == 0 or momentum == 0, D[...],
                       momentum * V[...] + (1 - dampening) * D[...])
    if nesterov:
        P_new[...] = P[...] - lr * (D[...] + momentum * V_new[...])
    else:
        P_new[...] = P[...] - lr * V_new[...]
    return P_new, V_new
    """,
    source="Sutskever, Martens, Dahl & Hinton 2013; torch.optim.SGD",
)

GRADIENT_DESCENT = layer(
    "gradient_descent",
    """
    lr: positive = 0.001
    P_new[...] = P[...] - lr * G[...]
    """,
    source="Cauchy 1847",
)
