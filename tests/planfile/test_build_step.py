"""Planned steps and typed steps."""

from __future__ import annotations

import pytest

from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.model.plan import PlannedStep
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.build_step import build_step, planned_step
from kubectl_upgrade.steps.kubeadm_apply import KubeadmApply
from kubectl_upgrade.steps.wait_etcd import WaitEtcd

APPLY = KubeadmApply(version=Version(1, 35, 4), ignore_preflight_errors=("Swap",))


def test_there_and_back() -> None:
    planned = PlannedStep(
        do="kubeadm-apply", with_={"version": "v1.35.4", "ignorePreflightErrors": ("Swap",)}, as_="again"
    )
    assert build_step(planned) == APPLY
    assert planned_step(APPLY, "again") == planned


def test_defaults() -> None:
    assert build_step(PlannedStep(do="wait-etcd", with_={"members": 3})) == WaitEtcd(members=3, timeout_seconds=300)
    assert planned_step(WaitEtcd(members=3, timeout_seconds=300)).with_ == {"members": 3}


@pytest.mark.parametrize(
    ("planned", "message"),
    [
        (PlannedStep(do="rm"), "no step is called rm"),
        (PlannedStep(do="wait-etcd"), "members missing"),
        (PlannedStep(do="wait-etcd", with_={"members": True}), "with.members: .* is not a whole number"),
        (PlannedStep(do="wait-etcd", with_={"members": 3, "command": "sh"}), 'no field is called "command"'),
        (PlannedStep(do="kubeadm-apply", with_={"version": "v1.35.4; reboot"}), "is not a version such as"),
        (
            PlannedStep(do="kubeadm-apply", with_={"version": "v1.35.4", "ignorePreflightErrors": ("All",)}),
            r"ignorePreflightErrors\[0\]: .*never all",
        ),
    ],
)
def test_refused(planned: PlannedStep, message: str) -> None:
    with pytest.raises(PlanError, match=message) as refused:
        build_step(planned)
    assert refused.value.fix
