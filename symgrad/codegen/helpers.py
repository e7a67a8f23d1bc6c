"""Source of the functions that generated files carry because the target's library lacks them."""

from __future__ import annotations

NUMPY_HELPERS: dict[str, str] = {
    "sigmoid": '''
def _sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)
''',
    "erf": '''
# erf(x) / x as a polynomial in x**2 for |x| < 1, and exp(x**2) * (1 - erf(x)) as one in
# 2 / (2 + x) for x from 1 to 6: Chebyshev fits with 50 digits, errors below 1e-16.
_ERF_NEAR = (
    -7.795898827002142e-10,
    1.3720064546777686e-08,
    -1.6208483801871705e-07,
    1.6447424703317362e-06,
    -1.492473690741966e-05,
    0.00012055294904839707,
    -0.0008548325975389692,
    0.0052239776071164225,
    -0.02686617064323777,
    0.11283791670945006,
    -0.37612638903183543,
    1.1283791670955126,
)
_ERF_FAR = (
    0.06417709956997757,
    -0.4641503100512702,
    1.4993273861992589,
    -2.808469620081249,
    3.3141789939074116,
    -2.548579515162772,
    1.3907243547276613,
    -0.6720587822190289,
    0.19483233899524952,
    0.03477897668837144,
    0.185316412975862,
    0.24562975816641905,
    0.2822051417376623,
    0.2820885729320229,
    1.6242284740077591e-07,
)


def _erf(x: Array) -> Array:
    """Return erf(x), to a few units in the last place."""
    size = np.minimum(np.abs(x), 6.0)
    square = size * size
    near = _polynomial(_ERF_NEAR, np.minimum(square, 1.0))
    far = np.exp(-square) * _polynomial(_ERF_FAR, 2.0 / (2.0 + size))
    return np.where(size < 1.0, x * near, np.sign(x) * (1.0 - far))


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Return the polynomial with the highest coefficient first."""
    total = coefficients[0] * x
    for coefficient in coefficients[1:-1]:
        total = (total + coefficient) * x
    return total + coefficients[-1]
''',
}

TORCH_HELPERS: dict[str, str] = {
    "shift": '''
def _shift(x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return the maximum along `dim` as a finite constant; 0 where there is nothing."""
    return torch.nan_to_num(x.detach().amax(dim)) if x.numel() else x.detach().sum(dim)
''',
}
