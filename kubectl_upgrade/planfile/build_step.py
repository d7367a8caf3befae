"""A step of the plan → the step that runs, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.model.plan import PlannedStep
from kubectl_upgrade.planfile.decode import decoder
from kubectl_upgrade.planfile.encode import encode
from kubectl_upgrade.planfile.problem import dotted
from kubectl_upgrade.steps import STEPS

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Stage
    from kubectl_upgrade.planfile.problem import Problem
    from kubectl_upgrade.steps.base import Step


def build_step(planned: PlannedStep) -> Step:
    """The typed step; PlanError when there is no such step or its arguments are not what it takes."""
    if planned.do not in STEPS:
        raise PlanError(f"no step is called {planned.do}", fix=f"known: {', '.join(STEPS)}")
    problems: list[Problem] = []
    step: Step = decoder(STEPS[planned.do])(planned.with_, ("with",), problems)
    if problems:
        faults = "; ".join(f"{dotted(problem.where)}: {problem.message}" for problem in problems)
        raise PlanError(f"step {planned.name}: {faults}", fix="correct the step's arguments in the plan")
    return step


def is_harmless(stage: Stage) -> bool:
    """Do all its steps leave every node as it is? Then it needs no gates."""
    return all(STEPS[planned.do].HARMLESS for planned in stage.steps)


def moves_kubelets(stage: Stage) -> bool:
    """Does it upgrade nodes, and not only prepare them?"""
    return any(planned.do == "install-kubelet" for planned in stage.steps)


def planned_step(step: Step, as_: str | None = None) -> PlannedStep:
    """A step as the plan has it, without the arguments that have their default."""
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in encode(step).items()}
    return PlannedStep(do=step.NAME, with_=arguments, as_=as_)
