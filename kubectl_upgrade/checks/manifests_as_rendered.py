"""Static pod manifests are what kubeadm would write again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.rendered import Difference, Rendered

_NOT_ASKED = HostFacts().rendered
_SECTIONS = {
    "kube-apiserver": "apiServer",
    "kube-controller-manager": "controllerManager",
    "kube-scheduler": "scheduler",
    "etcd": "etcd.local",
}
_NOT_COMPARED = "manifests could not be compared with what kubeadm would write"
# more than a person reads at once
_MOST = 6


class ManifestsAsRendered:
    """`--audit-log-path` was added to kube-apiserver.yaml by hand, years ago: `kubeadm upgrade` writes the manifest
    anew from kubeadm-config and the patches that it is given, and the audit log ends that night without an error
    (https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-reconfigure/). kubeadm is asked, in a dry run,
    for the manifests of the version that runs; what an upgrade itself changes is therefore not told. Of etcd's manifest
    it is no matter which members there were when this one joined. The manifests are compared on the machine that asks,
    so that they leave the node whole, over ssh; reports and plans name what differs, and tell no value that may be a
    secret.
    """

    NAME: ClassVar[str] = "manifests-as-rendered"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        others: list[str] = []
        skipped: dict[str, list[str]] = {}
        for node in facts.control_planes:
            host = facts.hosts.get(node.name)
            if not isinstance(host, HostFacts) or host.rendered == _NOT_ASKED:
                continue  # nodes-reachable says so; a plan that is applied pins the manifests as they were compared
            if isinstance(host.rendered, Unknown):
                message = f"its manifests could not be compared with what kubeadm would write: {host.rendered.reason}"
                yield Finding(Level.WARN, message, node.name, "mend what it names, or look at the manifests yourself")
            elif host.rendered.skipped:
                skipped.setdefault(host.rendered.skipped, []).append(node.name)
            elif host.rendered.comparable:
                yield from _findings(node.name, host.rendered)
            else:
                others.append(f"{node.name} ({_versions(host.rendered)})")
        if others:
            yield Finding(Level.INFO, f"{_NOT_COMPARED}, for it is of another version: {', '.join(others)}")
        for why, names in skipped.items():
            yield Finding(Level.INFO, f"{_NOT_COMPARED}: {why}: {', '.join(names)}")


def _versions(rendered: Rendered) -> str:
    manifests = rendered.manifests or "unknown"
    return f"kubeadm {rendered.kubeadm}, kubeadm-config {rendered.cluster}, manifests {manifests}"


def _findings(node: str, rendered: Rendered) -> Iterator[Finding]:
    for component, differences in sorted(rendered.differences.items()):
        if differences:
            yield Finding(
                Level.WARN,
                f"{component}.yaml is not what kubeadm {rendered.kubeadm} would write: {_listed(differences)}",
                node,
                "kubeadm's upgrade writes it anew: what shall stay belongs into kubeadm-config (kubectl -n kube-system"
                f" edit cm kubeadm-config: {_SECTIONS.get(component, component)}) or into /etc/kubernetes/patches",
            )


def _listed(differences: Sequence[Difference]) -> str:
    more = len(differences) - _MOST
    told = [_told(difference) for difference in differences[:_MOST]]
    return "; ".join([*told, f"and {more} more"] if more > 0 else told)


def _told(difference: Difference) -> str:
    what, here, there = difference.what, difference.manifest, difference.rendered
    if there is None:
        return f"{_with(what, here)} is in the manifest alone and would go"
    if here is None:
        return f"{_with(what, there)} is not in the manifest and would come"
    return f"{what} is {here} and would be {there}" if here and there else f"{what} has another value"


def _with(what: str, value: str | None) -> str:
    if not value:
        return what
    return f"{what}={value}" if what.startswith("--") else f"{what} ({value})"
