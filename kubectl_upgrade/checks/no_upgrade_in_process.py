"""No node is marked as being upgraded, or held by the fence of another run, and no run has left its tag of etcd."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import HostFacts
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.names import ETCD_TAG_ANNOTATION, KUBEONE_LABELS, RUN_LABEL
from kubectl_upgrade.model.run_record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, NodeObject

_WORDS = "is marked as being upgraded by {owner} (label {label})"


class NoUpgradeInProcess:
    """Two upgrades at once can stop two etcd members at once. A mark may also be what a failed upgrade left behind, so
    that a person who knows better may waive it. A fence is never waived: its node would refuse every action. Nor is
    what a run wrote beside a tag of etcd in kubeadm-config: a tag that stays holds etcd there in every upgrade that
    follows, and a plan would take it for the user's own.
    """

    NAME: ClassVar[str] = "no-upgrade-in-process"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        for node in facts.nodes:
            for label, owner in _foreign(node, aim.run8):
                yield Finding(
                    Level.BLOCKER,
                    _WORDS.format(owner=owner, label=label),
                    node=node.name,
                    fix=f"let that upgrade end; if it is dead: `kubectl label node {node.name} {label}-`, "
                    "or plan with --force",
                )
        yield from _fenced(facts, aim.run8)
        yield from _pinned(facts, aim.run8)


def somebodys_mark(node: NodeObject, run8: str) -> str | None:
    """What a Node says of an upgrade that is not this run's, in words."""
    for label, owner in _foreign(node, run8):
        return _WORDS.format(owner=owner, label=label)
    return None


def _foreign(node: NodeObject, run8: str) -> Iterator[tuple[str, str]]:
    """Labels, and who puts them there."""
    for label in (RUN_LABEL, *KUBEONE_LABELS):
        value = node.labels.get(label)
        if value is not None and not (label == RUN_LABEL and run8 and value == run8):
            yield label, f"run {value} of upgrade-cp" if label == RUN_LABEL else "KubeOne"


def _fenced(facts: Facts, run8: str) -> Iterator[Finding]:
    for name, host in facts.hosts.items():
        record = host.run if isinstance(host, HostFacts) else None
        other = record.run[:8] if isinstance(record, RunRecord) else ""
        if other not in {"", run8}:
            yield Finding(
                Level.BLOCKER,
                f"is held by run {other} of upgrade-cp (its fence is there)",
                node=name,
                fix=f"let that run end; if nobody goes on with it: `kubectl upgrade-cp abort --run {other} PLAN`",
                waivable=False,
            )


def _pinned(facts: Facts, run8: str) -> Iterator[Finding]:
    tag, pin = facts.kubeadm_config.etcd_image_tag, facts.kubeadm_config.etcd_pin
    if pin.run8 in {"", run8}:
        return
    before = "take it out" if pin.before == "none" else f"set it to {pin.before} again"
    by_hand = f"{before} (kubectl -n kube-system edit cm kubeadm-config), then " if tag == pin.set_to else ""
    yield Finding(
        Level.BLOCKER,
        f"etcd.local.imageTag in kubeadm-config is {tag}; run {pin.run8} of upgrade-cp has set it to {pin.set_to}, "
        f"before it was {pin.before} (annotation {ETCD_TAG_ANNOTATION})",
        fix=f"let that run end, or end it: `kubectl upgrade-cp abort --run {pin.run8} PLAN`; if nothing else is left "
        f"of it: {by_hand}`kubectl -n kube-system annotate cm kubeadm-config {ETCD_TAG_ANNOTATION}-`",
        waivable=False,
    )
