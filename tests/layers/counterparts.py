"""The torch counterpart of each layer, over its inputs in order and its options by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

if TYPE_CHECKING:
    from collections.abc import Callable


def torch_cross_entropy(x: torch.Tensor, t: torch.Tensor, reduction: str) -> torch.Tensor:
    """Apply torch's cross-entropy to classes on the last axis."""
    found = F.cross_entropy(x.reshape(-1, x.shape[-1]), t.reshape(-1), reduction=reduction)
    return found.reshape(t.shape) if reduction == "none" else found


def torch_bce_with_logits(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Apply torch's binary cross-entropy, which does not broadcast by itself."""
    both = x + 0 * t  # torch's function for this has no types
    return F.binary_cross_entropy_with_logits(x.expand(both.shape), t.expand(both.shape))


TORCH: dict[str, Callable[..., torch.Tensor]] = {
    "linear": F.linear,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": F.leaky_relu,
    "softplus": lambda x: F.softplus(x, threshold=100),  # it is linear above
    "silu": F.silu,
    "gelu": F.gelu,
    "softmax": lambda x: F.softmax(x, dim=-1),
    "log_softmax": lambda x: F.log_softmax(x, dim=-1),
    "logsumexp": lambda x: torch.logsumexp(x, dim=-1),
    "layer_norm": lambda x, g, b: F.layer_norm(x, g.shape, g, b),
    "rms_norm": lambda x, g: F.rms_norm(x, g.shape, g, eps=1e-5),
    "l2_normalize": lambda x: F.normalize(x, dim=-1),
    "attention": lambda q, k, v, causal: F.scaled_dot_product_attention(
        q[None], k[None], v[None], is_causal=causal
    )[0],
    "cross_entropy": torch_cross_entropy,
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "bce_with_logits": torch_bce_with_logits,
    "huber": F.huber_loss,
}
