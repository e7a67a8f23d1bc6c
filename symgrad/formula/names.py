"""How the names of tensors and functions are spelled in LaTeX.

In: names of the equation language. Out: LaTeX. Nothing here knows what an expression is.
"""

from __future__ import annotations

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi"
    " psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_SPECIAL = {"eps": r"\varepsilon"}
_ACCENTS = {"_bar": "bar", "_dot": "dot"}
_FUNCTIONS = {
    **{name: f"\\{name}" for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "atan": r"\arctan",
    "sigmoid": r"\sigma",
    "maximum": r"\max",
    "minimum": r"\min",
    "sign": r"\mathrm{sgn}",
}


def latex_name(name: str) -> str:
    r"""Return the name of a tensor or scalar in LaTeX.

    Cotangents get a bar and tangents a dot; the part before a dot, which composition adds, stands
    above.

    >>> print(latex_name("X_bar"), latex_name("fc1.W"), latex_name("gamma"), latex_name("loss"))
    \bar{X} W^{\mathrm{fc1}} \gamma \mathrm{loss}
    """
    for suffix, accent in _ACCENTS.items():
        if name.endswith(suffix):
            prefix, _, last = name.removesuffix(suffix).rpartition(".")
            return _with_prefix(f"\\{accent}{{{_core(last)}}}", prefix)
    prefix, _, last = name.rpartition(".")
    return _with_prefix(_core(last), prefix)


def _with_prefix(core: str, prefix: str) -> str:
    return f"{core}^{{{upright(prefix)}}}" if prefix else core


def _core(name: str) -> str:
    if name in _SPECIAL:
        return _SPECIAL[name]
    if name in _GREEK.split():
        return f"\\{name}"
    if len(name) == 1:
        return name
    letter, digits = name[:1], name[1:]
    if digits.isdigit():
        return f"{letter}_{{{digits}}}"
    for suffix, accent in _ACCENTS.items():
        if name.endswith(suffix):  # a cotangent of a cotangent
            return f"\\{accent}{{{_core(name.removesuffix(suffix))}}}"
    return upright(name)


def upright(name: str) -> str:
    """Return a word as one upright name."""
    return f"\\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def latex_function(name: str) -> str:
    r"""Return the name of a scalar function in LaTeX.

    >>> print(latex_function("tanh"), latex_function("softplus"))
    \tanh \mathrm{softplus}
    """
    return _FUNCTIONS.get(name, upright(name))
