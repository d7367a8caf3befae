"""Two judges of a plan file: the reader that apply uses, and the published schema by another's hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

from kubectl_upgrade.planfile.problem import Problem
from kubectl_upgrade.planfile.read import document_of, judged, refuse
from kubectl_upgrade.planfile.schema import schema

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan


def validate(data: bytes, name: str) -> Plan:
    """The plan when both find nothing; PlanError lists what is wrong with it."""
    document = document_of(data, name)
    plan = judged(document, name)
    errors = Draft202012Validator(schema()).iter_errors(document.data)
    refuse([Problem(tuple(error.absolute_path), error.message) for error in errors], document, name)
    return plan
