"""What a package family is: a module that names actions in node/actions."""

from __future__ import annotations

from typing import Protocol


class Family(Protocol):
    """The actions take arguments as every family's do; a node's fact `packages` says the family's name."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a module's constant
        """As plans and the fact `packages` say it: `apt`."""

    @property
    def FETCH_PACKAGES(self) -> str:  # noqa: N802 - a module's constant
        """Action with the arguments VERSION (`1.35.4`) and LINE (`v1.35`): fetches what the other two install, leaves
        the new kubeadm as `kubeadm` in the run's folder, and changes nothing of the node. What a kubelet that does not
        stay up goes back to is in `lib/NAME-step-back.sh`, if the family can.
        """

    @property
    def INSTALL_KUBEADM(self) -> str:  # noqa: N802 - a module's constant
        """Action with the arguments VERSION (`1.35.4`) and LINE (`v1.35`, the repository's minor)."""

    @property
    def INSTALL_KUBELET(self) -> str:  # noqa: N802 - a module's constant
        """Action with the argument VERSION (`1.35.4`): kubelet, and kubectl where it is installed."""

    def by_hand(self, package: str, version: str) -> str:
        """What a person would type on the node to install exactly this version (`1.35.4`) of a package."""
