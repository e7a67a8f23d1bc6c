"""Optimizer steps as update equations.

The order of inputs says what they are: the parameter, its gradient, then the states; scalars with a
default are the settings. Outputs: the new parameter, then the new states in order. States start at
zero, and `t` counts the steps from 0.

LBFGS, Shampoo and SAM are programs, not update equations.
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
    step=True,
)

GRADIENT_DESCENT = layer(
    "gradient_descent",
    """
    lr: positive = 0.001
    P_new[...] = P[...] - lr * G[...]
    """,
    source="Cauchy 1847",
    step=True,
)

ASGD = layer(
    "asgd",
    """
    P: real[...]
    G: real[...]
    A: real[...]
    eta: positive
    t: int = 0
    lr: positive = 0.01
    lambd: nonnegative = 1e-4
    alpha: nonnegative = 0.75
    t0: nonnegative = 1e6
    weight_decay: nonnegative = 0
    D[...]     = G[...] + weight_decay * P[...]
    rate       = where(t == 0, lr, eta)
    P_new[...] = (1 - lambd * rate) * P[...] - rate * D[...]
    A_new[...] = A[...] + (P_new[...] - A[...]) / maximum(1, t - t0)
    eta_new    = lr / (1 + lambd * lr * (t + 1))**alpha
    return P_new, A_new, eta_new
    """,
    source="Polyak & Juditsky 1992; torch.optim.ASGD",
    step=True,
)

RPROP = layer(
    "rprop",
    """
    P: real[...]
    G: real[...]
    L: real[...]
    S: nonnegative[...]
    t: int = 0
    lr: positive = 0.01
    eta_minus: positive = 0.5
    eta_plus: positive = 1.2
    step_min: positive = 1e-6
    step_max: positive = 50
    A[...]     = G[...] * L[...]
    E[...]     = where(A[...] > 0, eta_plus, where(A[...] < 0, eta_minus, 1))
    S_new[...] = minimum(maximum(where(t == 0, lr, S[...]) * E[...], step_min), step_max)
    L_new[...] = where(A[...] < 0, 0, G[...])
    P_new[...] = P[...] - sign(L_new[...]) * S_new[...]
    return P_new, L_new, S_new
    """,
    source="Riedmiller & Braun 1993; torch.optim.Rprop",
    step=True,
)

LION = layer(
    "lion",
    """
    P: real[...]
    G: real[...]
    M: real[...]
    lr: positive = 1e-4
    beta1: unit = 0.9
    beta2: unit = 0.99
    weight_decay: nonnegative = 0
    C[...]     = beta1 * M[...] + (1 - beta1) * G[...]
    P_new[...] = (1 - lr * weight_decay) * P[...] - lr * sign(C[...])
    M_new[...] = beta2 * M[...] + (1 - beta2) * G[...]
    return P_new, M_new
    """,
    source="Chen et al. 2023, arXiv:2302.06675",
    step=True,
)

LARS = layer(
    "lars",
    """
    P: real[...]
    G: real[...]
    V: real[...]
    lr: positive = 0.1
    trust: positive = 0.001
    momentum: nonnegative = 0.9
    weight_decay: nonnegative = 0
    p_norm     = sqrt(sum[...](P[...]**2))
    g_norm     = sqrt(sum[...](G[...]**2))
    both       = g_norm + weight_decay * p_norm
    least      = minimum(p_norm, g_norm)
    rate       = where(least > 0, trust * p_norm / both, 1)
    V_new[...] = momentum * V[...] + lr * rate * (G[...] + weight_decay * P[...])
    P_new[...] = P[...] - V_new[...]
    return P_new, V_new
    """,
    source="You, Gitman & Ginsburg 2017, arXiv:1708.03888; a norm of 0 leaves the rate as it is",
    step=True,
)
