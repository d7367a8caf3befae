"""What a component of Kubernetes is given to start with, and where that stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Flags, feature gates and admission plugins of one component in one place: names, for values may be secrets."""

    component: str
    """kubelet, kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, etcd; kubeadm for its own gates"""
    place: str
    """a file on the node, or a ConfigMap of kube-system and what in it"""
    flags: tuple[str, ...] = ()
    """without dashes, each once"""
    gates: tuple[str, ...] = ()
    """of --feature-gates or the field featureGates, on or off"""
    plugins: tuple[str, ...] = ()
    """admission plugins, enabled or disabled"""

    def without(self, other: Given) -> Given:
        """What the other does not give."""
        return replace(
            self,
            flags=tuple(flag for flag in self.flags if flag not in other.flags),
            gates=tuple(gate for gate in self.gates if gate not in other.gates),
            plugins=tuple(plugin for plugin in self.plugins if plugin not in other.plugins),
        )


def given(component: str, place: str, words: Iterable[tuple[str, str]], gates: Iterable[str] = ()) -> Given:
    """Of flags' names and values; of values, those of gates and plugins alone matter."""
    named = [(name.lstrip("-").replace("_", "-"), value) for name, value in words]
    return Given(
        component=component,
        place=place,
        flags=_each_once(name for name, _ in named),
        gates=_each_once((*gates, *_listed(named, ("feature-gates",)))),
        plugins=_each_once(_listed(named, ("enable-admission-plugins", "disable-admission-plugins"))),
    )


def _listed(named: list[tuple[str, str]], flags: tuple[str, ...]) -> list[str]:
    """`A=true,B=false` or `A,B` of these flags: A and B."""
    entries = [entry for name, value in named if name in flags for entry in value.split(",")]
    return [name for entry in entries if (name := entry.partition("=")[0].strip())]


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
