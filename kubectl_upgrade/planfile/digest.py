"""A plan's digest: what it means, not how it is written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from kubectl_upgrade.planfile.build_step import build_step, planned_step
from kubectl_upgrade.planfile.encode import encode

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Hop, Plan, PlannedStep, Stage


def digest(plan: Plan) -> str:
    """`sha256:…` over canonical JSON: comments, layout, key order and written-out defaults make no difference.

    PlanError when a step of the plan is none.
    """
    meaning = encode(replace(plan, hops=tuple(map(_hop, plan.hops))))
    canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _hop(hop: Hop) -> Hop:
    return replace(hop, stages=tuple(map(_stage, hop.stages)))


def _stage(stage: Stage) -> Stage:
    return replace(stage, steps=tuple(map(_step, stage.steps)))


def _step(step: PlannedStep) -> PlannedStep:
    return planned_step(build_step(step), step.as_)
