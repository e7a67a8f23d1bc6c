"""Schedules are those of torch, at every step; texts that name them are read or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler as of_torch

from symgrad.errors import TrainingError
from symgrad.training.schedules import SCHEDULES, Then, at, depends_on_length, read_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCHS, EPOCH_STEPS = 12, 7
ALL = EPOCHS * EPOCH_STEPS

#: For each schedule torch's with the same settings, and how many steps it takes for one of ours.
TORCH: dict[str, tuple[Callable[[Any], Any], int]] = {
    "constant": (lambda o: of_torch.ConstantLR(o, factor=1.0), 1),
    "linear": (lambda o: of_torch.LinearLR(o, 1.0, 1e-300, ALL), 1),
    "polynomial(power=2.5)": (lambda o: of_torch.PolynomialLR(o, ALL, 2.5), 1),
    "cosine": (lambda o: of_torch.CosineAnnealingLR(o, ALL), 1),
    "cosine(least=0.1)": (lambda o: of_torch.CosineAnnealingLR(o, ALL, 0.1 * RATE), 1),
    "restarts(epochs=2)": (lambda o: of_torch.CosineAnnealingWarmRestarts(o, 2), 7),
    "restarts(epochs=1, longer=2, least=0.01)": (
        lambda o: of_torch.CosineAnnealingWarmRestarts(o, 1, 2, 0.01 * RATE),
        7,
    ),
    "step(epochs=3, gamma=0.5)": (lambda o: of_torch.StepLR(o, 3, 0.5), 7),
    "multistep(milestones=(2, 5, 5, 9), gamma=0.3)": (
        lambda o: of_torch.MultiStepLR(o, [2, 5, 5, 9], 0.3),
        7,
    ),
    "exponential(gamma=0.8)": (lambda o: of_torch.ExponentialLR(o, 0.8), 7),
    "warmup(steps=10, start=0.25)": (lambda o: of_torch.LinearLR(o, 0.25, 1.0, 10), 1),
    "onecycle": (lambda o: of_torch.OneCycleLR(o, RATE, ALL, cycle_momentum=False), 1),
    "onecycle(rise=0.5, first=4.0, last=100.0, line=True)": (
        lambda o: of_torch.OneCycleLR(
            o,
            RATE,
            ALL,
            pct_start=0.5,
            anneal_strategy="linear",
            cycle_momentum=False,
            div_factor=4.0,
            final_div_factor=100.0,
        ),
        1,
    ),
    "warmup(steps=14, start=0.1) + step(epochs=2)": (
        lambda o: of_torch.SequentialLR(
            o, [of_torch.LinearLR(o, 0.1, 1.0, 14), of_torch.StepLR(o, 14)], [14]
        ),
        1,
    ),
    "warmup(steps=14, start=0.1) + cosine": (
        lambda o: of_torch.SequentialLR(
            o,
            [of_torch.LinearLR(o, 0.1, 1.0, 14), of_torch.CosineAnnealingLR(o, ALL - 14)],
            [14],
        ),
        1,
    ),
}
RATE = 0.25


def rates_of_torch(text: str) -> list[float]:
    """Return torch's learning rate at every step of the run."""
    make, every = TORCH[text]
    optimizer: Any = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler = make(optimizer)
    found = []
    for step in range(1, ALL + 1):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if step % every == 0:
            scheduler.step()
    return found


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")
@pytest.mark.parametrize("text", TORCH)
def test_every_schedule_is_that_of_torch_at_every_step(text: str) -> None:
    schedule = read_schedule(text)
    ours = [RATE * at(schedule, k, EPOCH_STEPS, ALL) for k in range(ALL)]
    assert ours == pytest.approx(rates_of_torch(text), rel=1e-12, abs=1e-17)


def test_every_schedule_is_compared() -> None:
    assert {text.partition("(")[0].split()[0] for text in TORCH} == set(SCHEDULES)


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 9), st.integers(1, 40), st.data())
def test_a_factor_is_between_0_and_1_for_runs_of_any_length(
    name: str, epoch_steps: int, all_steps: int, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, all_steps - 1))
    assert 0 <= at(read_schedule(name), step, epoch_steps, all_steps) <= 1


@pytest.mark.parametrize("text", TORCH)
def test_what_is_printed_can_be_read(text: str) -> None:
    schedule = read_schedule(text)
    assert read_schedule(str(schedule)) == schedule


def test_a_schedule_says_whether_the_length_of_the_run_matters() -> None:
    for text in TORCH:
        schedule = read_schedule(text)
        same = all(at(schedule, k, 7, ALL) == at(schedule, k, 7, 2 * ALL) for k in range(ALL))
        assert depends_on_length(schedule) is not same, text
    assert isinstance(read_schedule("warmup + cosine"), Then)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("steep", "steep"),
        ("step(epochs=0)", "at least 1"),
        ("step(gamma='x')", "gamma: float"),
        ("step(epochs=1.5)", "epochs: int"),
        ("step(rate=1)", "epochs: int, gamma: float"),
        ("constant(x=1)", "no settings"),
        ("multistep(milestones=(5, 2))", "in order"),
        ("multistep(milestones=(5, 0.5))", "milestones"),
        ("restarts(epochs=0)", "at least 1"),
        ("restarts(longer=0)", "at least 1"),
        ("warmup(steps=0)", "at least 1"),
        ("warmup(steps=0) + cosine", "at least 1"),
        ("onecycle(rise=2.0)", "0..1"),
        ("onecycle(line=1)", "line: bool"),
        ("exponential(gamma=-0.5)", "at least 0"),
        ("polynomial(power=-1)", "at least 0"),
        ("cosine + warmup", "a warm-up and a schedule"),
        ("warmup + step + step", "a warm-up and a schedule"),
        ("step, cosine", "one of"),
        ("", "names"),
        ("step(", "names"),
        ("step(*x)", "names"),
        ("step(**x)", "names"),
        ("__import__('os')", "names"),
        ("step(gamma=open('x'))", "names"),
        ("step.x", "names"),
        ("step(gamma=-'x')", "names"),
        ("()", "names"),
        ("(" * 300, "names"),
        ("s" * 3000, "names"),
    ],
)
def test_a_text_that_names_no_schedule_is_an_error(text: str, given: str) -> None:
    with pytest.raises(TrainingError) as caught:
        read_schedule(text)
    assert given in str(caught.value)
