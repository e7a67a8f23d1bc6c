"""The `torch.autograd.Function` of a generated module.

In: a derivation and its generated forward and VJP. Out: further functions and the class around
them.

The class saves what the VJP reads and nothing else. Its backward can itself be differentiated, as
often as wanted: it is made of plain torch operations on saved tensors, and all of these are inputs
or outputs of the class, so that torch knows where they come from. A result that is saved but is no
output of the layer is a hidden output of the class; what flows back into it (on differentiating
twice) goes through a second VJP, derived for all outputs at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.body import INDENT, WIDTH
from symgrad.codegen.function import Function, Words, make_function
from symgrad.codegen.lengths import Lengths, plan_lengths
from symgrad.codegen.torch_emit import TorchEmitter
from symgrad.ir.equation import INTEGER_KINDS
from symgrad.ir.kinds import tensor_kinds
from symgrad.ir.visit import tensors_read
from symgrad.lowering.names import python_name
from symgrad.rewriting.stability import prune

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.codegen.signature import Argument
    from symgrad.codegen.target import Target
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System


def wrapper_text(
    derivation: Derivation, functions: Sequence[Function], target: Target
) -> tuple[list[Function], str]:
    """Return further functions, and the class with the function that applies it.

    Args:
        derivation: The derivation, its batch rank fixed.
        functions: The forward and the VJP.
        target: The torch target.
    """
    forward, vjp = functions
    name = python_name(derivation.system.name)
    moving = tuple(f"{o}_dot" for o in derivation.forward.outputs if o not in _whole(derivation))
    pushed = derive_jvp(derivation.forward, derivation.wrt)
    if _whole(derivation):
        pushed = prune(replace(pushed, outputs=moving), moving)
    jvp = make_function(
        pushed,
        f"{name}_jvp",
        target,
        [t.name for t in derivation.system.inputs],
        Words(f"Return the tangents of {', '.join(forward.results)}.", {}),
    )
    extra = [jvp]
    whole = vjp
    if derivation.saved_results:
        full = derive(derivation.forward, derivation.wrt)
        words = Words(f"Return what `{vjp.name}` does, with cotangents of all results.", {})
        backward = _from_results(full, derivation.forward.outputs)
        whole = make_function(backward, f"_{name}_vjp_of_all", target, full.saved, words)
        extra.append(whole)
    return extra, _Wrapper(derivation, forward, vjp, whole, jvp).text()


def _from_results(full: Derivation, results: Sequence[str]) -> System:
    """Return the backward System of a forward one, computing anew what is no result of that."""
    known = {*results, *(t.name for t in full.forward.inputs)}
    again = {n for n in full.saved if n not in known}
    if not again:
        return full.backward
    needed = prune(
        full.forward.with_equations(e for e in full.forward.equations if e.target not in known),
        again,
    ).equations
    inputs = {t.name: t for t in full.backward.inputs if t.name not in again}
    defined = {e.target for e in needed}
    read = [n for e in needed for n in tensors_read(e.value) if n not in defined]
    inputs.update((n, full.forward.tensor(n)) for n in read if n not in inputs)
    equations = (*needed, *full.backward.equations)
    return replace(full.backward, inputs=tuple(inputs.values()), equations=equations)


def _whole(derivation: Derivation) -> set[str]:
    """Return the results that are integers in code: they have no tangent."""
    kinds = tensor_kinds(derivation.forward)
    return {o for o in derivation.forward.outputs if kinds[o] in INTEGER_KINDS}


@dataclass(frozen=True)
class _Wrapper:
    derivation: Derivation
    forward: Function
    vjp: Function
    whole: Function
    jvp: Function

    @property
    def _arguments(self) -> tuple[Argument, ...]:
        return self.forward.signature.arguments

    @property
    def _saved(self) -> list[str]:
        """Names of the tensors to save: those that some backward reads, but for plain numbers."""
        read = [*self._names(self.vjp), *self._names(self.whole)]
        inputs = {a.tensor.name: a for a in self._arguments}
        numbers = {n for n, a in inputs.items() if not a.rank and n not in self.derivation.wrt}
        places = {*inputs, *self.forward.results}
        return [n for n in dict.fromkeys(read) if n in places and n not in numbers]

    @staticmethod
    def _names(function: Function) -> list[str]:
        return [a.tensor.name for a in function.signature.arguments]

    @property
    def _kept(self) -> dict[str, str]:
        """Plain numbers and lengths that a backward reads: attribute to where it comes from."""
        found: dict[str, str] = {}
        positions = {a.tensor.name: k for k, a in enumerate(self._arguments)}
        for function in (self.vjp, self.whole):
            for argument in function.signature.arguments:
                name = argument.tensor.name
                if name in positions and name not in self._saved:
                    found[argument.name] = f"inputs[{positions[name]}]"
            for axis in function.signature.lengths:
                name = function.signature.spelled[axis]
                found[name] = self._shown(axis) or name
        return found

    def _shown(self, axis: str) -> str:
        """Return where an input has an axis, empty if none has it alone."""
        place = self.forward.signature.place(axis)
        if place is None:
            return ""
        position = [a.name for a in self._arguments].index(place[0])
        return f"inputs[{position}].shape[{place[1]}]"

    def _lengths(self) -> list[str]:
        """Return the statements that find lengths which the backward reads and no input shows."""
        axes = [a for f in (self.vjp, self.whole) for a in f.signature.lengths]
        hidden = [a for a in dict.fromkeys(axes) if not self._shown(a)]
        spelled = self.forward.signature.spelled
        emitter = TorchEmitter({}, "", Lengths(spelled))
        plan = plan_lengths(
            self.derivation.system,
            [replace(a, name=f"inputs[{k}]") for k, a in enumerate(self._arguments)],
            spelled,
            hidden,
            lambda length: emitter.piece(length).text,
        )
        assert not plan.extra, "a length of the backward is one of the forward"
        known = [a for r in plan.rules for a in r.needs if self._shown(a)]
        lines = [f"{spelled[a]} = {self._shown(a)}" for a in dict.fromkeys(known)]
        return [*lines, *(f"{spelled[r.axis]} = {r.text}" for r in plan.rules)]

    def text(self) -> str:
        """Return the class and the function that applies it."""
        name = python_name(self.derivation.system.name)
        title = "".join(part.capitalize() for part in name.split("_"))
        saved = ", ".join(self._saved) or "nothing"
        lines = [
            f"class {title}(torch.autograd.Function):",
            f'{INDENT}"""{name} for autograd; saves {saved}."""',
            "",
            f"{INDENT}generate_vmap_rule = True",
            "",
            *_method("forward", self._forward_arguments(), self._result_type(), self._forward()),
            "",
            *_method("setup_context", _context(self._setup()), "None", self._setup()),
            "",
            *_method("backward", self._backward_arguments(), "tuple[Any, ...]", self._backward()),
            "",
            *_method("jvp", "ctx: Any, *tangents: Any", "Any", self._jvp()),
            "",
            "",
            *self._apply(name, title),
        ]
        return "\n".join(lines) + "\n"

    def _result_type(self) -> str:
        many = len(self.forward.results) > 1
        return f"tuple[{', '.join(['Tensor'] * len(self.forward.results))}]" if many else "Tensor"

    def _forward_arguments(self) -> str:
        return ", ".join(f"{a.name}: {_type(a)}" for a in self._arguments)

    def _forward(self) -> list[str]:
        names = ", ".join(a.name for a in self._arguments)
        summary = "Return the outputs, and what is saved beside them."
        if not self.derivation.saved_results:
            summary = "Return the outputs."
        return [f'"""{summary}"""', f"return {self.forward.name}({names})"]

    def _setup(self) -> list[str]:
        """Return the statements that save, and note what the backward needs beside tensors."""
        inputs = [a.tensor.name for a in self._arguments]
        many = len(self.forward.results) > 1
        spelled = []
        for name in self._saved:
            if name in inputs:
                spelled.append(f"inputs[{inputs.index(name)}]")
            else:
                position = self.forward.results.index(name)
                spelled.append(f"output[{position}]" if many else "output")
        tensors = [f"inputs[{k}]" for k, a in enumerate(self._arguments) if self._is_tensor(a)]
        lines = ['"""Save what the backward pass reads."""']
        if self.derivation.saved_results:
            lines.append("ctx.set_materialize_grads(False)")
            lines.append("ctx.shapes = [result.shape for result in output]")
        lines += _called("ctx.save_for_backward", spelled)
        lines += _called("ctx.save_for_forward", tensors)
        numbers = [k for k, a in enumerate(self._arguments) if not self._is_tensor(a)]
        if numbers:
            lines += _wrapped("ctx.numbers = (", [f"inputs[{k}]" for k in numbers])
            lines[-1] = lines[-1].replace(")", ",)") if len(numbers) == 1 else lines[-1]
        lines += self._lengths()
        return lines + [f"ctx.{name} = {source}" for name, source in self._kept.items()]

    def _is_tensor(self, argument: Argument) -> bool:
        """Return whether an argument is a tensor; a number that is differentiated is made one."""
        return bool(argument.rank) or argument.tensor.name in self.derivation.wrt

    def _backward_arguments(self) -> str:
        if self.derivation.saved_results:
            return "ctx: Any, *bars: Tensor | None"
        return ", ".join(
            [
                "ctx: Any",
                *(
                    f"{python_name(r)}{self.derivation.suffix}: Tensor"
                    for r in self.forward.results
                ),
            ]
        )

    def _backward(self) -> list[str]:
        results = [python_name(r) for r in self.vjp.results]
        lines = ['"""Return the cotangents of the inputs."""']
        saved = [python_name(s) for s in self._saved]
        if saved:
            lines += _unpacked(saved, "ctx.saved_tensors")
        gradients = self._gradients()
        if not self.derivation.saved_results:
            lines += _assigned(", ".join(results), self.vjp.name, self._call(self.vjp))
            return [*lines, f"return {gradients}"]
        bars = [f"{python_name(r)}{self.derivation.suffix}" for r in self.forward.results]
        outputs = len(self.derivation.system.outputs)
        lines += [
            "some = next((bar for bar in bars if bar is not None), None)",
            "if some is None:",
            f"{INDENT}return (None,) * {len(self._arguments)}",
            "shapes = zip(bars, ctx.shapes, strict=True)",
            "filled = [some.new_zeros(shape) if bar is None else bar for bar, shape in shapes]",
            f"if all(bar is None for bar in bars[{outputs}:]):",
            *_indented(_unpacked(bars[:outputs], f"filled[:{outputs}]")),
            *_indented(_assigned(", ".join(results), self.vjp.name, self._call(self.vjp))),
            "else:  # differentiated twice: cotangents of saved results arrive too",
            *_indented(_unpacked(bars, "filled")),
            *_indented(_assigned(", ".join(results), self.whole.name, self._call(self.whole))),
            f"return {gradients}",
        ]
        return lines

    def _gradients(self) -> str:
        """Return a cotangent for each argument; None for what is not differentiated."""
        known = {r: python_name(r) for r in self.vjp.results}
        found = [
            known.get(f"{a.tensor.name}{self.derivation.suffix}", "None") for a in self._arguments
        ]
        return f"({found[0]},)" if len(found) == 1 else ", ".join(found)

    def _call(self, function: Function) -> list[str]:
        return [f"ctx.{n}" if n in self._kept else n for n in function.signature.names()]

    def _jvp(self) -> list[str]:
        """Return the statements of forward mode; an input without a tangent has a zero one."""
        tensors = [a for a in self._arguments if self._is_tensor(a)]
        numbers = [a for a in self._arguments if not self._is_tensor(a)]
        names = [a.name for a in tensors]
        lines = ['"""Return the tangents of the results."""']
        lines += _unpacked(names, "ctx.saved_tensors")
        if numbers:
            lines += _unpacked([a.name for a in numbers], "ctx.numbers")
        for position, argument in enumerate(self._arguments):
            if argument.tensor.name in self.derivation.wrt:
                dot, given = f"{argument.name}_dot", f"tangents[{position}]"
                zeros = f"torch.zeros_like({argument.name})"
                lines.append(f"{dot} = {zeros} if {given} is None else {given}")
        call = list(self.jvp.signature.names())
        whole = _whole(self.derivation)
        if not whole:
            return [*lines, *_returned(self.jvp.name, call)]
        dots = [f"{python_name(r)}_dot" for r in self.forward.results if r not in whole]
        every = ("None" if r in whole else f"{python_name(r)}_dot" for r in self.forward.results)
        lines += _assigned(", ".join(dots), self.jvp.name, call)
        return [*lines, f"return {', '.join(every)}"]

    def _apply(self, name: str, title: str) -> list[str]:
        """Return the function that users call."""
        arguments = [
            f"{a.name}: {_type(a)}" + (f" = {a.default}" if a.default is not None else "")
            for a in self._arguments
        ]
        outputs = len(self.derivation.system.outputs)
        result = "Tensor" if outputs == 1 else f"tuple[{', '.join(['Tensor'] * outputs)}]"
        line = f"def {name}({', '.join(arguments)}) -> {result}:"
        head = [line]
        if len(line) > WIDTH:
            head = [f"def {name}(", *(f"{INDENT}{a}," for a in arguments), f") -> {result}:"]
        shown = ", ".join(self.derivation.system.outputs)
        lines = [*head, f'{INDENT}"""Return {shown} of {name}, with the gradient derived above."""']
        like = self.forward.signature.like
        for argument in self._arguments:
            if not argument.rank and self._is_tensor(argument):
                place = (
                    f", dtype={like}.dtype, device={like}.device" if like != argument.name else ""
                )
                lines.append(f"{INDENT}{argument.name} = torch.as_tensor({argument.name}{place})")
        call = f"{title}.apply({', '.join(a.name for a in self._arguments)})"
        annotation = "Any" if len(self.forward.results) > 1 else "Tensor"
        lines.append(f"{INDENT}results: {annotation} = {call}  # type: ignore[no-untyped-call]")
        cut = {True: "results", False: "results[0]" if outputs == 1 else f"results[:{outputs}]"}
        return [*lines, f"{INDENT}return {cut[outputs == len(self.forward.results)]}"]


def _context(body: Sequence[str]) -> str:
    """Return the arguments of `setup_context`; torch gives them by position."""
    text = " ".join(body)
    inputs, output = (n if f"{n}" in text else f"_{n}" for n in ("inputs", "output"))
    return f"ctx: Any, {inputs}: tuple[Any, ...], {output}: Any"


def _type(argument: Argument) -> str:
    return f"Tensor | {argument.also}" if argument.also else "Tensor"


def _method(name: str, arguments: str, result: str, body: Sequence[str]) -> list[str]:
    """Return a static method, indented as one of a class."""
    line = f"def {name}({arguments}) -> {result}:"
    head = [line]
    if len(INDENT) + len(line) > WIDTH:
        head = [
            f"def {name}(",
            *(f"{INDENT}{a}," for a in arguments.split(", ")),
            f") -> {result}:",
        ]
    return _indented(["@staticmethod", *head, *_indented(body)])


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"{INDENT}{line}" for line in lines]


def _unpacked(names: Sequence[str], source: str) -> list[str]:
    if not names:
        return []
    left = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
    return [f"{left} = {source}"]


def _called(function: str, arguments: Sequence[str]) -> list[str]:
    return _wrapped(f"{function}(", arguments)


def _assigned(target: str, function: str, arguments: Sequence[str]) -> list[str]:
    return _wrapped(f"{target} = {function}(", arguments)


def _returned(function: str, arguments: Sequence[str]) -> list[str]:
    return _wrapped(f"return {function}(", arguments)


def _wrapped(head: str, arguments: Sequence[str]) -> list[str]:
    """Return a call in a method's body, one argument a line where it is long."""
    line = f"{head}{', '.join(arguments)})"
    if len(line) + 3 * len(INDENT) <= WIDTH:
        return [line]
    return [head, *_indented([f"{a}," for a in arguments]), ")"]
