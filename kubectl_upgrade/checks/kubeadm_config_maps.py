"""kubeadm of the target can read what it keeps in the cluster, and adds nothing that was left out on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.add_ons import AddOns, Broken
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

_GROUP = "kubeadm.k8s.io/"
# version of kubeadm's API → minor of the first kubeadm without it (k/k PR 101129, 114540, 136016)
_GONE = {"v1beta1": 22, "v1beta2": 27, "v1beta3": 37}
_EDIT = "kubectl -n kube-system edit cm"


class KubeadmConfigMaps:
    """A ClusterConfiguration that was written by hand years ago, and of whose version the next kubeadm has never heard;
    a kube-proxy that was removed for a network plugin's own, and that kubeadm installs again beside it, because nobody
    told it not to (cmd/kubeadm/app/cmd/phases/upgrade/addons.go).

    That kubeadm-config and kubelet-config are there and can be read is known before any check: without them there are
    no facts.
    """

    NAME: ClassVar[str] = "kubeadm-config-maps"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        yield from _api_version(facts, aim)
        yield from _kube_proxy(facts)


def _api_version(facts: Facts, aim: Aim) -> Iterator[Finding]:
    config = facts.kubeadm_config
    written = config.api_version
    group, version = written[: len(_GROUP)], written.removeprefix(_GROUP)
    # each kubeadm writes it anew as it likes it best, so that only the next one has to read this
    reader = min(aim.target.minor, config.kubernetes_version.minor + 1)
    if group != _GROUP:
        yield Finding(
            Level.BLOCKER,
            f"ClusterConfiguration in kubeadm-config has the apiVersion {written or '(none)'}, which is not kubeadm's",
            fix=f"put it right: {_EDIT} kubeadm-config",
            waivable=False,
        )
    elif version in _GONE and reader >= _GONE[version]:
        yield Finding(
            Level.BLOCKER,
            f"kubeadm v1.{reader} does not read ClusterConfiguration of {written}, as kubeadm-config has it",
            fix=f"bring it to a newer one with `kubeadm config migrate` of v1.{_GONE[version] - 1}, and put it there: "
            f"{_EDIT} kubeadm-config",
            waivable=False,
        )


def _kube_proxy(facts: Facts) -> Iterator[Finding]:
    if facts.kubeadm_config.proxy_disabled:
        return
    answer = facts.add_ons.kube_proxy if isinstance(facts.add_ons, AddOns) else facts.add_ons
    deployed = not isinstance(facts.kube_proxy, Unknown)
    if isinstance(answer, Unknown):
        yield Finding(Level.WARN, f"nobody knows whether kubeadm can read kube-proxy's configuration: {answer.reason}")
    elif isinstance(answer, Broken):
        yield Finding(
            Level.BLOCKER,
            f"kubeadm cannot read the ConfigMap kube-proxy: {answer.why}",
            fix=f"put it right: {_EDIT} kube-proxy",
            waivable=False,
        )
    elif answer is None and deployed:
        yield Finding(
            Level.WARN,
            "there is a kube-proxy, but no ConfigMap kube-proxy: kubeadm makes one with its defaults",
            fix="restore it if it said anything else",
        )
    elif answer is None:
        yield Finding(
            Level.WARN,
            "there is no kube-proxy, and kubeadm installs one",
            fix=f"if it shall not, write `proxy: {{disabled: true}}` into ClusterConfiguration: {_EDIT} kubeadm-config",
        )
