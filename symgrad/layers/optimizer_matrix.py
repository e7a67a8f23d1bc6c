"""Optimizers that know rows and columns of a parameter, as update equations.

The conventions are those of `symgrad.layers.optimizer`. A parameter of another rank than that of
the equations needs another flag, or another optimizer.
"""

from __future__ import annotations

from symgrad.layers.registry import layer

ADAFACTOR = layer(
    "adafactor",
    """
    t: int = 0
    lr: positive = 0.01
    beta2_decay: real = -0.8
    eps1: positive = 2.220446049250313e-16
    eps2: positive = 1e-3
    d: positive = 1
    weight_decay: nonnegative = 0
    factored: flag = True
    w = pow(t + 1, beta2_decay)
    if factored:
        p_norm           = sqrt(mean[..., r, c](P[..., r, c]**2))
        R_new[..., r]    = w * mean[c](G[..., r, c]**2) + (1 - w) * R[..., r]
        C_new[..., c]    = w * mean[r](G[..., r, c]**2) + (1 - w) * C[..., c]
        S[...]           = maximum(mean[r](R_new[..., r]), eps1)
        V_new[..., r, c] = R_new[..., r] * C_new[..., c] / S[...]
        U[..., r, c]     = G[..., r, c] / sqrt(maximum(V_new[..., r, c], eps1**2))
        u_norm           = sqrt(mean[..., r, c](U[..., r, c]**2))
    else:
        p_norm     = sqrt(mean[...](P[...]**2))
        V_new[...] = w * G[...]**2 + (1 - w) * V[...]
        U[...]     = G[...] / sqrt(maximum(V_new[...], eps1**2))
        u_norm     = sqrt(mean[...](U[...]**2))
    rho   = minimum(lr, 1 / sqrt(t + 1))
    alpha = maximum(eps2, p_norm) * rho / maximum(1, u_norm / d)
    if factored:
        P_new[..., r, c] = (1 - lr * weight_decay) * P[..., r, c] - alpha * U[..., r, c]
        return P_new, R_new, C_new
    else:
        P_new[...] = (1 - lr * weight_decay) * P[...] - alpha * U[...]
        return P_new, V_new
    """,
    source="Shazeer & Stern 2018, arXiv:1804.04235; torch.optim.Adafactor",
    step=True,
)

MUON = layer(
    "muon",
    """
    P: real[r, c]
    G: real[r, c]
    M: real[r, c]
    lr: positive = 0.001
    momentum: unit = 0.95
    weight_decay: nonnegative = 0.1
    ns_a: real = 3.4445
    ns_b: real = -4.775
    ns_c: real = 2.0315
    eps: positive = 1e-7
    nesterov: flag = True
    ns_steps: int(4, 6) = 5
    adjust_lr: "original" | "match_rms_adamw" = "original"
    size[k] = ns_steps
    M_new[r, c] = momentum * M[r, c] + (1 - momentum) * G[r, c]
    if nesterov:
        D[r, c] = momentum * M_new[r, c] + (1 - momentum) * G[r, c]
    else:
        D[r, c] = M_new[r, c]
    d_norm      = sqrt(sum[r, c](D[r, c]**2))
    X[-1, r, c] = D[r, c] / maximum(d_norm, eps)
    A[k, r, s]  = sum[c](X[k - 1, r, c] * X[k - 1, s, c])
    B[k, r, s]  = ns_b * A[k, r, s] + ns_c * sum[p](A[k, r, p] * A[k, p, s])
    X[k, r, c]  = ns_a * X[k - 1, r, c] + sum[s](B[k, r, s] * X[k - 1, s, c])
    if adjust_lr == "original":
        ratio = sqrt(maximum(1, size[r] / size[c]))
    else:
        ratio = 0.2 * sqrt(maximum(size[r], size[c]))
    P_new[r, c] = (1 - lr * weight_decay) * P[r, c] - lr * ratio * X[size[k] - 1, r, c]
    return P_new, M_new
    """,
    source="Jordan et al. 2024, kellerjordan.github.io/posts/muon; torch.optim.Muon, unrounded",
    step=True,
)
