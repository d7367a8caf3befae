"""What is known of each Kubernetes minor, as data: one file per minor, `1.35.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedFlag:
    """A component of this minor does not start with it."""

    component: str
    """kubelet, kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy or etcd"""
    flag: str
    """without dashes in front, `_` in it as `-`, as pflag reads it; `experimental-*` is all that begin so"""
    fix: str
    source: str
    cleaned_by: str = ""
    """the one minor whose kubeadm takes it out of what kubeadm itself wrote, `1.35`"""

    def matches(self, flag: str) -> bool:
        return fnmatchcase(flag, self.flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedGate:
    """A feature gate that this minor does not know any more: a component that is given it does not start."""

    gate: str
    source: str
    components: tuple[str, ...] = ()
    """which read it; empty for all of Kubernetes. `kubeadm` has gates of its own"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedAdmissionPlugin:
    """An admission plugin that the API server of this minor does not know any more."""

    plugin: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedApi:
    """An API that this minor does not serve any more."""

    group_version: str
    """`flowcontrol.apiserver.k8s.io/v1beta3`"""
    source: str
    stored: bool = False
    """objects that etcd holds only in this version are lost, or break what reads them: delete them before"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdRule:
    """What every member of etcd has to be at before the hop to this minor."""

    minimum: Version
    why: str
    source: str
    better: Version | None = None
    """what etcd's maintainers recommend beyond the minimum"""
    tags: tuple[str, ...] = ()
    """of etcd's image, at the minimum at least and of its minor, best first: `3.5.32-0`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPatch:
    """A release of this minor that breaks clusters."""

    version: Version
    why: str
    fix: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerdLine:
    """A minor of containerd."""

    line: str
    """`1.7`"""
    minimum: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendedContainerd:
    """The oldest containerd of each of its lines that its maintainers recommend for this minor."""

    lines: tuple[ContainerdLine, ...]
    """newest first"""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LosingContainerd:
    """What works with this minor, and is announced to work no more."""

    below: Version
    since: str
    """the first minor without it, `1.38`"""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRule:
    """The oldest Linux that kubeadm's SystemVerification of this minor finds good; it runs before each upgrade."""

    minimum: tuple[int, int]
    refused: bool
    """kubeadm stops at an older one; else it warns and goes on"""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What matters when a cluster goes to this minor."""

    minor: str
    refuses_cgroup_v1: bool
    etcd: EtcdRule | None = None
    recommended_containerd: RecommendedContainerd | None = None
    losing_containerd: LosingContainerd | None = None
    kernel: KernelRule | None = None
    bad_patches: tuple[BadPatch, ...] = ()
    removed_flags: tuple[RemovedFlag, ...] = ()
    removed_gates: tuple[RemovedGate, ...] = ()
    removed_admission_plugins: tuple[RemovedAdmissionPlugin, ...] = ()
    removed_apis: tuple[RemovedApi, ...] = ()


@cache
def known_minors() -> tuple[str, ...]:
    """Minors that have a file, lowest first: `("1.34", "1.35")`."""
    names = (entry.name for entry in resources.files(__name__).iterdir())
    minors = (name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
    return tuple(sorted(minors, key=_order))


def rules_for(version: Version) -> Rules | None:
    """The rules of this version's minor; None when it is unknown."""
    return _load(version.line.removeprefix("v"))


def rules_between(current: Version, target: Version) -> tuple[Rules, ...]:
    """The rules of every known minor after the current one up to the target's, lowest first; none within a minor.

    What skips a minor, as a kubelet may, meets the rules of all of them.
    """
    above, up_to = (current.major, current.minor), (target.major, target.minor)
    return tuple(rules for minor in known_minors() if above < _order(minor) <= up_to and (rules := _load(minor)))


@cache
def _load(minor: str) -> Rules | None:
    if minor not in known_minors():
        return None
    data: dict[str, Any] = yaml.safe_load(resources.files(__name__).joinpath(f"{minor}.yaml").read_bytes())
    containerd = data.get("containerd", {})
    return Rules(
        minor=data["minor"],
        refuses_cgroup_v1=data["cgroupV1"] == "refused",
        etcd=_etcd(data["etcd"]) if "etcd" in data else None,
        recommended_containerd=_recommended(containerd["recommended"]) if "recommended" in containerd else None,
        losing_containerd=_losing(containerd["losing"]) if "losing" in containerd else None,
        kernel=_kernel(data["kernel"]) if "kernel" in data else None,
        bad_patches=tuple(_bad_patch(entry) for entry in data.get("badPatches", ())),
        removed_flags=tuple(_flag(entry) for entry in data.get("removedFlags", ())),
        removed_gates=tuple(_gate(entry) for entry in data.get("removedGates", ())),
        removed_admission_plugins=tuple(
            RemovedAdmissionPlugin(plugin=entry["plugin"], source=entry["source"])
            for entry in data.get("removedAdmissionPlugins", ())
        ),
        removed_apis=tuple(_api(entry) for entry in data.get("removedApis", ())),
    )


def _order(minor: str) -> tuple[int, int]:
    major, _, number = minor.partition(".")
    return int(major), int(number)


def _etcd(entry: Entry) -> EtcdRule:
    return EtcdRule(
        minimum=Version.parse(entry["minimum"]),
        better=Version.parse(entry["better"]) if "better" in entry else None,
        tags=tuple(tag["tag"] for tag in entry.get("tags", ())),
        why=entry["why"],
        source=entry["source"],
    )


def _recommended(entry: Entry) -> RecommendedContainerd:
    lines = (ContainerdLine(line=line["line"], minimum=Version.parse(line["minimum"])) for line in entry["lines"])
    return RecommendedContainerd(lines=tuple(lines), source=entry["source"])


def _losing(entry: Entry) -> LosingContainerd:
    return LosingContainerd(below=Version.parse(entry["below"]), since=entry["since"], source=entry["source"])


def _kernel(entry: Entry) -> KernelRule:
    return KernelRule(minimum=_order(entry["minimum"]), refused=entry["kubeadm"] == "refuses", source=entry["source"])


def _bad_patch(entry: Entry) -> BadPatch:
    version = Version.parse(entry["version"])
    return BadPatch(version=version, why=entry["why"], fix=entry["fix"], source=entry["source"])


def _flag(entry: Entry) -> RemovedFlag:
    return RemovedFlag(
        component=entry["component"],
        flag=entry["flag"],
        fix=entry["fix"],
        source=entry["source"],
        cleaned_by=entry.get("cleanedBy", ""),
    )


def _gate(entry: Entry) -> RemovedGate:
    return RemovedGate(gate=entry["gate"], source=entry["source"], components=tuple(entry.get("components", ())))


def _api(entry: Entry) -> RemovedApi:
    return RemovedApi(group_version=entry["groupVersion"], source=entry["source"], stored=entry.get("stored", False))
