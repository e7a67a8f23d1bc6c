"""Source of the functions that generated files carry because the target's library lacks them."""

from __future__ import annotations

NUMPY_HELPERS: dict[str, str] = {
    "sigmoid": '''
def _sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)
''',
}

TORCH_HELPERS: dict[str, str] = {
    "shift": '''
def _shift(x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return the maximum along `dim` as a finite constant; 0 where there is nothing."""
    return torch.nan_to_num(x.detach().amax(dim)) if x.numel() else x.detach().sum(dim)
''',
}
