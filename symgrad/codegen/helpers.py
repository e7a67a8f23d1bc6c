"""Source of the functions that generated files carry because the target's library lacks them."""

from __future__ import annotations

NUMPY_HELPERS: dict[str, str] = {
    "products": '''
def _products(form: str, x: Array, y: Array) -> Array:
    """Return np.einsum(form, x, y) as one product of matrices for each point of a batch."""
    left, right, out = form.replace("->", ",").split(",")
    lengths = dict(zip(left + right, x.shape + y.shape, strict=True))
    batch = [a for a in left if a in right and a in out]
    summed = [a for a in left if a in right and a not in out]
    rows, columns = [a for a in left if a not in right], [a for a in right if a not in left]

    def matrices(z: Array, letters: str, first: list[str], second: list[str]) -> Array:
        order = [letters.index(a) for a in (*batch, *first, *second)]
        counts = [int(np.prod([lengths[a] for a in group])) for group in (first, second)]
        return z.transpose(order).reshape(*(lengths[a] for a in batch), *counts)

    z = matrices(x, left, rows, summed) @ matrices(y, right, summed, columns)
    made = [*batch, *rows, *columns]
    return z.reshape([lengths[a] for a in made]).transpose([made.index(a) for a in out])
''',
    "length": '''
def _length(axis: str, length: int, given: int | None = None) -> int:
    """Return the length that an equation gives an axis; raise if an argument has another one."""
    if length < 0 or given not in (None, length):
        found = "" if given is None else f", not {given}"
        raise ValueError(f"the length of axis {axis} must be {max(length, 0)}{found}")
    return length
''',
    "window": '''
def _window(
    x: Array, axis: int, start: int, *steps: tuple[int, int], fill: float | None = None
) -> Array:
    """Return x at start + step * i + ... along an axis: a new axis for each (step, length).

    What is out of range reads as `fill`, or is an error.
    """
    before, length, behind = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    shape = (*before, *(n for _, n in steps), *behind)
    if 0 in shape:
        return np.zeros(shape, x.dtype)
    spans = [step * (n - 1) for step, n in steps]
    low, high = start + sum(min(s, 0) for s in spans), start + sum(max(s, 0) for s in spans)
    front = (slice(None),) * axis
    if low < 0 or high >= length:
        if fill is None:
            raise IndexError(f"positions from {low} to {high} of an axis of length {length}")
        skip = max(-low, 0)
        padded = np.full((*before, skip + max(high + 1, length), *behind), fill, x.dtype)
        padded[(*front, slice(skip, skip + length))] = x
        x, start = padded, start + skip
    inner = [step * x.strides[axis] for step, _ in steps]
    strides = (*x.strides[:axis], *inner, *x.strides[axis + 1 :])
    x = x[(*front, slice(start, None))]
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
''',
    "fold": '''
def _fold(x: Array, axis: int, length: int, start: int, *steps: int) -> Array:
    """Return x summed into start + step * i + ... along an axis of a length.

    Takes an axis of x for each step. What falls outside is dropped.
    """
    end = axis + len(steps)
    for k, step in enumerate(steps):
        if step < 0:
            x, start = np.flip(x, axis + k), start + step * (x.shape[axis + k] - 1)
    strides = [abs(step) for step in steps]
    counts = x.shape[axis:end]
    longest = counts.index(max(counts))
    count, stride = counts[longest], strides[longest]
    out = np.zeros((*x.shape[:axis], length, *x.shape[end:]), x.dtype)
    front = (slice(None),) * axis
    for at in np.ndindex(*counts[:longest], *counts[longest + 1 :]):
        offset = [*at[:longest], 0, *at[longest:]]
        base = start + sum(s * i for s, i in zip(strides, offset, strict=True))
        first, last = max(0, -(base // stride)), min(count, (length - 1 - base) // stride + 1)
        if first < last:
            source = (*at[:longest], slice(first, last), *at[longest:])
            place = slice(base + stride * first, base + stride * (last - 1) + 1, stride)
            out[(*front, place)] += x[(*front, *source)]
    return out
''',
    "extreme": '''
def _extreme(choose: np.ufunc, x: Array, axes: tuple[int, ...]) -> Array:
    """Return the largest or smallest along short axes: one pass for each place in them."""
    counts = [x.shape[k] for k in axes]
    x = np.moveaxis(x, axes, range(len(axes)))
    if not 0 < np.prod(counts) <= 64:
        return np.asarray(choose.reduce(x, axis=tuple(range(len(axes)))))
    first, *others = np.ndindex(*counts)
    found = np.array(x[first])
    for place in others:
        choose(found, x[place], out=found)
    return found
''',
    "keep": '''
def _keep(x: Array, mask: Array, axes: tuple[int, ...], fill: float) -> Array:
    """Return x where the mask holds; it must hold somewhere along the axes."""
    if not mask.any(axis=axes).all():
        raise ValueError("a maximum or minimum of nothing")
    if not x.size or not mask.size:  # the result is empty: any array of its rank will do
        shape = np.broadcast_shapes(x.shape, mask.shape)
        return np.zeros([1 if k in axes else n for k, n in enumerate(shape, -len(shape))], x.dtype)
    return np.where(mask, x, np.asarray(fill, x.dtype))
''',
    "take": '''
def _take(x: Array, *positions: Any, fill: float | None = None) -> Array:
    """Return x[positions]; what is out of range is `fill`, or an error."""
    inside = np.asarray(True)
    for position, length in zip(positions, x.shape, strict=True):
        inside = inside & (position >= 0) & (position < length)
    if not inside.all() and fill is None:
        raise IndexError(f"a position outside of an array of shape {x.shape}")
    if not x.size:
        return np.full(inside.shape, fill or 0, x.dtype)
    found = x[tuple(np.clip(p, 0, n - 1) for p, n in zip(positions, x.shape, strict=True))]
    return found if fill is None else np.where(inside, found, np.asarray(fill, x.dtype))
''',
    "put": '''
def _put(out: Array, x: Array, *positions: Any) -> Array:
    """Add x into out at positions; what is out of range is dropped."""
    inside = np.asarray(True)
    for position, length in zip(positions, out.shape, strict=False):
        inside = inside & (position >= 0) & (position < length)
    places = tuple(np.broadcast_to(p, inside.shape)[inside] for p in positions)
    np.add.at(out, places, x[inside])
    return out
''',
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
    "stacked": '''
def _stacked(steps: list[Tensor], axis: int, shape: tuple[int, ...], **kind: Any) -> Tensor:
    """Return the steps of a loop as one tensor, also where there were none."""
    return torch.stack(steps, axis) if steps else torch.empty(shape, **kind)
''',
    "length": '''
def _length(axis: str, length: int, given: int | None = None) -> int:
    """Return the length that an equation gives an axis; raise if an argument has another one."""
    if length < 0 or given not in (None, length):
        found = "" if given is None else f", not {given}"
        raise ValueError(f"the length of axis {axis} must be {max(length, 0)}{found}")
    return length
''',
    "window": '''
def _window(
    x: Tensor, axis: int, start: int, *steps: tuple[int, int], fill: float | None = None
) -> Tensor:
    """Return x at start + step * i + ... along an axis: a new axis for each (step, length).

    What is out of range reads as `fill`, or is an error.
    """
    before, length, behind = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    shape = (*before, *(n for _, n in steps), *behind)
    if 0 in shape:
        return x.narrow(axis, 0, 0).reshape(shape) if length else x.reshape(shape)
    spans = [step * (n - 1) for step, n in steps]
    low, high = start + sum(min(s, 0) for s in spans), start + sum(max(s, 0) for s in spans)
    if low < 0 or high >= length:
        if fill is None:
            raise IndexError(f"positions from {low} to {high} of an axis of length {length}")
        skip = max(-low, 0)
        pad = (0, 0) * len(behind) + (skip, max(high + 1 - length, 0))
        x, low, high = torch.nn.functional.pad(x, pad, value=fill), low + skip, high + skip
    x = x.narrow(axis, low, high + 1 - low)
    for k, (step, _) in enumerate(steps):
        rest = 1 + sum(map(abs, spans[k + 1 :]))
        x = x.unfold(axis + k, rest, max(abs(step), 1)).movedim(-1, axis + k + 1)
        x = x.flip(axis + k) if step < 0 else x
    return x.squeeze(axis + len(steps))
''',
    "fold": '''
def _fold(x: Tensor, axis: int, length: int, start: int, *steps: int) -> Tensor:
    """Return x summed into start + step * i + ... along an axis of a length.

    Takes an axis of x for each step. What falls outside is dropped.
    """
    end = axis + len(steps)
    for k, step in enumerate(steps):
        if step < 0:
            x, start = x.flip(axis + k), start + step * (x.shape[axis + k] - 1)
    strides = [abs(step) for step in steps]
    counts = x.shape[axis:end]
    longest = counts.index(max(counts))
    count, stride = counts[longest], strides[longest]
    out = x.new_zeros((*x.shape[:axis], length, *x.shape[end:]))
    front = (slice(None),) * axis
    places: list[tuple[int, ...]] = [()]
    for n in (*counts[:longest], *counts[longest + 1 :]):
        places = [(*at, i) for at in places for i in range(n)]
    for at in places:
        offset = [*at[:longest], 0, *at[longest:]]
        base = start + sum(s * i for s, i in zip(strides, offset, strict=True))
        first, last = max(0, -(base // stride)), min(count, (length - 1 - base) // stride + 1)
        if first < last:
            source: tuple[Any, ...] = (*at[:longest], slice(first, last), *at[longest:])
            place = slice(base + stride * first, base + stride * (last - 1) + 1, stride)
            out[(*front, place)] += x[(*front, *source)]
    return out
''',
    "keep": '''
def _keep(x: Tensor, mask: Tensor, axes: tuple[int, ...], fill: float) -> Tensor:
    """Return x where the mask holds; it must hold somewhere along the axes."""
    if not mask.sum(axes).all():
        raise ValueError("a maximum or minimum of nothing")
    if not x.numel() or not mask.numel():  # the result is empty: any tensor of its rank
        shape = torch.broadcast_shapes(x.shape, mask.shape)
        return x.new_zeros([1 if k in axes else n for k, n in enumerate(shape, -len(shape))])
    return torch.where(mask, x, torch.full_like(x, fill))
''',
    "take": '''
def _take(x: Tensor, *positions: Any, fill: float | None = None) -> Tensor:
    """Return x[positions]; what is out of range is `fill`, or an error."""
    inside = torch.ones((), dtype=torch.bool, device=x.device)
    for position, length in zip(positions, x.shape, strict=True):
        inside = inside & (position >= 0) & (position < length)
    if fill is None and not inside.all():
        raise IndexError(f"a position outside of a tensor of shape {tuple(x.shape)}")
    if not x.numel():
        return x.new_full(inside.shape, fill or 0)
    places = [torch.as_tensor(p, device=x.device) for p in positions]
    found = x[tuple(p.clamp(0, n - 1) for p, n in zip(places, x.shape, strict=True))]
    return found if fill is None else torch.where(inside, found, torch.full_like(found, fill))
''',
    "put": '''
def _put(out: Tensor, x: Tensor, *positions: Any) -> Tensor:
    """Return out with x added at positions; what is out of range is dropped."""
    inside = torch.ones((), dtype=torch.bool, device=x.device)
    for position, length in zip(positions, out.shape, strict=False):
        inside = inside & (position >= 0) & (position < length)
    if not out.numel():
        return out
    shown = inside[(..., *(None,) * (x.dim() - inside.dim()))]
    lengths = zip(positions, out.shape, strict=False)
    places = tuple(torch.as_tensor(p).clamp(0, n - 1) for p, n in lengths)
    return out.index_put(places, torch.where(shown, x, torch.zeros_like(x)), accumulate=True)
''',
    "shift": '''
def _shift(x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return the maximum along `dim` as a finite constant; 0 where there is nothing."""
    return torch.nan_to_num(x.detach().amax(dim)) if x.numel() else x.detach().sum(dim)
''',
}
