"""Optimizers that scale each entry by the size of its past gradients, as update equations.

The conventions are those of `symgrad.layers.optimizer`.
"""

from __future__ import annotations

from symgrad.layers.registry import layer

ADAGRAD = layer(
    "adagrad",
    """
    P: real[...]
    G: real[...]
    S: nonnegative[...]
    t: int = 0
    lr: positive = 0.01
    lr_decay: nonnegative = 0
    weight_decay: nonnegative = 0
    initial: nonnegative = 0
    eps: positive = 1e-10
    D[...]     = G[...] + weight_decay * P[...]
    S_new[...] = where(t == 0, initial, S[...]) + D[...]**2
    P_new[...] = P[...] - lr / (1 + t * lr_decay) * (D[...] / (sqrt(S_new[...]) + eps))
    return P_new, S_new
    """,
    source="Duchi, Hazan & Singer 2011; torch.optim.Adagrad",
    step=True,
)

ADADELTA = layer(
    "adadelta",
    """
    P: real[...]
    G: real[...]
    S: nonnegative[...]
    A: nonnegative[...]
    lr: positive = 1
    rho: unit = 0.9
    eps: positive = 1e-6
    weight_decay: nonnegative = 0
    D[...]     = G[...] + weight_decay * P[...]
    S_new[...] = rho * S[...] + (1 - rho) * D[...]**2
    U[...]     = sqrt(A[...] + eps) / sqrt(S_new[...] + eps) * D[...]
    A_new[...] = rho * A[...] + (1 - rho) * U[...]**2
    P_new[...] = P[...] - lr * U[...]
    return P_new, S_new, A_new
    """,
    source="Zeiler 2012, arXiv:1212.5701; torch.optim.Adadelta",
    step=True,
)

RMSPROP = layer(
    "rmsprop",
    """
    P: real[...]
    G: real[...]
    S: nonnegative[...]
    V: real[...]
    A: real[...]
    lr: positive = 0.01
    alpha: unit = 0.99
    eps: positive = 1e-8
    weight_decay: nonnegative = 0
    momentum: nonnegative = 0
    centered: flag = False
    D[...]     = G[...] + weight_decay * P[...]
    S_new[...] = alpha * S[...] + (1 - alpha) * D[...]**2
    if centered:
        A_new[...] = alpha * A[...] + (1 - alpha) * D[...]
        R[...]     = sqrt(S_new[...] - A_new[...]**2)
    else:
        R[...]     = sqrt(S_new[...])
    V_new[...] = momentum * V[...] + D[...] / (R[...] + eps)
    P_new[...] = P[...] - lr * V_new[...]
    if centered:
        return P_new, S_new, V_new, A_new
    else:
        return P_new, S_new, V_new
    """,
    source="Tieleman & Hinton 2012; Graves 2013, arXiv:1308.0850; torch.optim.RMSprop",
    step=True,
)

ADAM = layer(
    "adam",
    """
    P: real[...]
    G: real[...]
    M: real[...]
    V: nonnegative[...]
    X: nonnegative[...]
    t: int = 0
    lr: positive = 0.001
    beta1: unit = 0.9
    beta2: unit = 0.999
    eps: positive = 1e-8
    weight_decay: nonnegative = 0
    amsgrad: flag = False
    D[...]     = G[...] + weight_decay * P[...]
    M_new[...] = beta1 * M[...] + (1 - beta1) * D[...]
    V_new[...] = beta2 * V[...] + (1 - beta2) * D[...]**2
    if amsgrad:
        X_new[...] = maximum(X[...], V_new[...])
        R[...]     = sqrt(X_new[...]) / sqrt(1 - beta2**(t + 1))
    else:
        R[...]     = sqrt(V_new[...]) / sqrt(1 - beta2**(t + 1))
    P_new[...] = P[...] - lr / (1 - beta1**(t + 1)) * (M_new[...] / (R[...] + eps))
    if amsgrad:
        return P_new, M_new, V_new, X_new
    else:
        return P_new, M_new, V_new
    """,
    source="Kingma & Ba 2014, arXiv:1412.6980; Reddi, Kale & Kumar 2018; torch.optim.Adam",
    step=True,
)

ADAMW = layer(
    "adamw",
    """
    P: real[...]
    G: real[...]
    M: real[...]
    V: nonnegative[...]
    X: nonnegative[...]
    t: int = 0
    lr: positive = 0.001
    beta1: unit = 0.9
    beta2: unit = 0.999
    eps: positive = 1e-8
    weight_decay: nonnegative = 0.01
    amsgrad: flag = False
    M_new[...] = beta1 * M[...] + (1 - beta1) * G[...]
    V_new[...] = beta2 * V[...] + (1 - beta2) * G[...]**2
    if amsgrad:
        X_new[...] = maximum(X[...], V_new[...])
        R[...]     = sqrt(X_new[...]) / sqrt(1 - beta2**(t + 1))
    else:
        R[...]     = sqrt(V_new[...]) / sqrt(1 - beta2**(t + 1))
    Q[...]     = (1 - lr * weight_decay) * P[...]
    P_new[...] = Q[...] - lr / (1 - beta1**(t + 1)) * (M_new[...] / (R[...] + eps))
    if amsgrad:
        return P_new, M_new, V_new, X_new
    else:
        return P_new, M_new, V_new
    """,
    source="Loshchilov & Hutter 2019, arXiv:1711.05101; torch.optim.AdamW",
    step=True,
)

ADAMAX = layer(
    "adamax",
    """
    P: real[...]
    G: real[...]
    M: real[...]
    U: nonnegative[...]
    t: int = 0
    lr: positive = 0.002
    beta1: unit = 0.9
    beta2: unit = 0.999
    eps: positive = 1e-8
    weight_decay: nonnegative = 0
    D[...]     = G[...] + weight_decay * P[...]
    M_new[...] = beta1 * M[...] + (1 - beta1) * D[...]
    U_new[...] = maximum(beta2 * U[...], abs(D[...]) + eps)
    P_new[...] = P[...] - lr / (1 - beta1**(t + 1)) * (M_new[...] / U_new[...])
    return P_new, M_new, U_new
    """,
    source="Kingma & Ba 2014, arXiv:1412.6980; torch.optim.Adamax",
    step=True,
)

NADAM = layer(
    "nadam",
    """
    P: real[...]
    G: real[...]
    M: real[...]
    V: nonnegative[...]
    C: unit
    t: int = 0
    lr: positive = 0.002
    beta1: unit = 0.9
    beta2: unit = 0.999
    eps: positive = 1e-8
    weight_decay: nonnegative = 0
    momentum_decay: nonnegative = 0.004
    decoupled_weight_decay: flag = False
    if decoupled_weight_decay:
        Q[...] = (1 - lr * weight_decay) * P[...]
        D[...] = G[...]
    else:
        Q[...] = P[...]
        D[...] = G[...] + weight_decay * P[...]
    mu         = beta1 * (1 - 0.5 * 0.96**((t + 1) * momentum_decay))
    mu_next    = beta1 * (1 - 0.5 * 0.96**((t + 2) * momentum_decay))
    C_new      = where(t == 0, 1, C) * mu
    M_new[...] = beta1 * M[...] + (1 - beta1) * D[...]
    V_new[...] = beta2 * V[...] + (1 - beta2) * D[...]**2
    R[...]     = sqrt(V_new[...] / (1 - beta2**(t + 1))) + eps
    P_new[...] = (Q[...] - lr * (1 - mu) / (1 - C_new) * (D[...] / R[...])
                  - lr * mu_next / (1 - C_new * mu_next) * (M_new[...] / R[...]))
    return P_new, M_new, V_new, C_new
    """,
    source="Dozat 2016; torch.optim.NAdam",
    step=True,
)

RADAM = layer(
    "radam",
    """
    P: real[...]
    G: real[...]
    M: real[...]
    V: nonnegative[...]
    t: int = 0
    lr: positive = 0.001
    beta1: unit = 0.9
    beta2: unit = 0.999
    eps: positive = 1e-8
    weight_decay: nonnegative = 0
    decoupled_weight_decay: flag = False
    if decoupled_weight_decay:
        Q[...] = (1 - lr * weight_decay) * P[...]
        D[...] = G[...]
    else:
        Q[...] = P[...]
        D[...] = G[...] + weight_decay * P[...]
    M_new[...] = beta1 * M[...] + (1 - beta1) * D[...]
    V_new[...] = beta2 * V[...] + (1 - beta2) * D[...]**2
    B          = 1 - beta2**(t + 1)
    longest    = 2 / (1 - beta2) - 1
    rho        = longest - 2 * (t + 1) * beta2**(t + 1) / B
    top        = (rho - 4) * (rho - 2) * longest
    bottom     = (longest - 4) * (longest - 2) * rho
    squared    = where(rho > 5, top / bottom, 1)
    H[...]     = M_new[...] / (1 - beta1**(t + 1))
    U[...]     = where(rho > 5, sqrt(squared * B) / (sqrt(V_new[...]) + eps), 1)
    P_new[...] = Q[...] - lr * H[...] * U[...]
    return P_new, M_new, V_new
    """,
    source="Liu et al. 2020, arXiv:1908.03265; torch.optim.RAdam",
    step=True,
)

LAMB = layer(
    "lamb",
    """
    P: real[...]
    G: real[...]
    M: real[...]
    V: nonnegative[...]
    t: int = 0
    lr: positive = 0.001
    beta1: unit = 0.9
    beta2: unit = 0.999
    eps: positive = 1e-6
    weight_decay: nonnegative = 0
    M_new[...] = beta1 * M[...] + (1 - beta1) * G[...]
    V_new[...] = beta2 * V[...] + (1 - beta2) * G[...]**2
    H[...]     = M_new[...] / (1 - beta1**(t + 1))
    R[...]     = sqrt(V_new[...] / (1 - beta2**(t + 1))) + eps
    U[...]     = H[...] / R[...] + weight_decay * P[...]
    p_norm     = sqrt(sum[...](P[...]**2))
    u_norm     = sqrt(sum[...](U[...]**2))
    least      = minimum(p_norm, u_norm)
    trust      = where(least > 0, p_norm / u_norm, 1)
    P_new[...] = P[...] - lr * trust * U[...]
    return P_new, M_new, V_new
    """,
    source="You et al. 2020, arXiv:1904.00962; a norm of 0 leaves the rate as it is",
    step=True,
)
