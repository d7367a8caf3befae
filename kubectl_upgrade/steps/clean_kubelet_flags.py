"""Take flags out of kubeadm-flags.env that a skipped kubeadm would have taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from kubectl_upgrade.model.types import OneOf, Size
from kubectl_upgrade.steps.base import Action, Step

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.steps.base import NodeTarget

_FILE = "/var/lib/kubelet/kubeadm-flags.env"
_POD_INFRA = "pod-infra-container-image"
# minor → flags that the kubeadm of this minor alone takes out of that file when it upgrades a node
# 1.35: https://github.com/kubernetes/kubernetes/pull/133778; gone again in 1.36: kubernetes/kubeadm#3108
_CLEANED_BY = {(1, 35): (_POD_INFRA,)}

Flag = Annotated[str, OneOf((_POD_INFRA,))]


def flags_left(kubelet: Version, to: Version) -> tuple[str, ...]:
    """What a node with this kubelet keeps in that file when it goes to a version without stopping in between, and what
    the new kubelet does not start with.
    """
    skipped = (
        flags
        for minor, flags in sorted(_CLEANED_BY.items())
        if (kubelet.major, kubelet.minor) < minor < (to.major, to.minor)
    )
    return tuple(flag for flags in skipped for flag in flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanKubeletFlags(Step):
    """A kubelet that meets a flag which its release has removed does not start. kubeadm cleans its own file in one
    minor and forgets about it in the next, so that nobody does on a node that skips that minor.
    """

    NAME: ClassVar[str] = "clean-kubelet-flags"
    TITLE: ClassVar[str] = "clean the kubelet's flags"
    UNDO: ClassVar[str | None] = (
        "nothing is taken back: older kubelets do without these flags; the file as it was lies in the run's folder"
    )

    flags: Annotated[tuple[Flag, ...], Size(1, 10)]
    """without their dashes"""

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del target, configuration
        return Action(self.NAME, self.flags, 60)

    def by_hand(self, target: NodeTarget) -> str:
        del target
        return f"sudo sed -i -E 's/ ?--({'|'.join(self.flags)})=[^ \"]*//' {_FILE}"
