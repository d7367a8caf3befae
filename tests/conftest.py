"""What tests of several rooms share: a healthy cluster as facts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from kubectl_upgrade.model.add_ons import AddOns, Corefile, CorefilePlugin
from kubectl_upgrade.model.admission import Admission
from kubectl_upgrade.model.certificates import Authority, Certificate, Certificates
from kubectl_upgrade.model.endpoint import EndpointSeen
from kubectl_upgrade.model.facts import (
    Apiserver,
    Etcd,
    EtcdMember,
    Facts,
    Host,
    HostFacts,
    Kubeadm,
    Kubelet,
    ManifestFiles,
    NodeObject,
    Packages,
    StaticPod,
)
from kubectl_upgrade.model.given import Given
from kubectl_upgrade.model.kubeadm_config import KubeadmConfig
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS
from kubectl_upgrade.model.node_health import Room, System
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.model.version import Version

_FOLDERS = ("/var/lib/upgrade-cp", "/usr", "/var/lib/containerd", "/etc/kubernetes", "/var/backups")
_UID = "00000000-0000-4000-8000-{:012d}"
_NOW, _YEAR = 1_790_000_000, 365 * 86_400


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A cluster to describe; every node is at `version`."""

    control_planes: int = 3
    workers: int = 2
    version: str = "v1.34.4"
    cgroup: str = "v2"
    fail_cgroup_v1: bool = True
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """changes to single NodeObjects, by name"""

    @property
    def names(self) -> list[str]:
        return [f"cp{i + 1}" for i in range(self.control_planes)] + [f"w{i + 1}" for i in range(self.workers)]

    def facts(self) -> Facts:
        """As gather() would answer."""
        version = Version.parse(self.version)
        return Facts(
            uid=_UID.format(0),
            ca_hash="sha256:" + "a" * 64,
            kubeadm_config=KubeadmConfig(
                cluster_name="lab",
                kubernetes_version=version,
                control_plane_endpoint="10.0.0.1:6443",
                image_repository="registry.k8s.io",
                etcd="stacked",
                etcd_image_tag="none",
            ),
            fail_cgroup_v1=self.fail_cgroup_v1,
            kube_proxy=version,
            nodes=tuple(self._node(i, name, version) for i, name in enumerate(self.names)),
            static_pods=tuple(
                StaticPod(component=component, node=name, image=f"registry.k8s.io/{component}:{version}", ready=True)
                for name in self.names[: self.control_planes]
                for component in CONTROL_PLANE_COMPONENTS
            ),
            hosts={name: self._host(i, name, version) for i, name in enumerate(self.names)},
            add_ons=AddOns(
                kube_proxy="mode: iptables\n",
                corefile=Corefile(plugins=(CorefilePlugin(name="errors", options=()),), closed=True),
                dns_images=("registry.k8s.io/coredns/coredns:v1.12.1",),
            ),
            pods=(),
            budgets=(),
            admission=Admission(),
        )

    def _node(self, i: int, name: str, version: Version) -> NodeObject:
        node = NodeObject(
            name=name,
            uid=_UID.format(i + 1),
            internal_ip=f"10.0.0.{i + 11}",
            labels={},
            control_plane=i < self.control_planes,
            ready=True,
            cordoned=False,
            kubelet=version,
            runtime="containerd://2.3.0",
            kernel="6.1.0-28-amd64",
        )
        return replace(node, **self.nodes.get(name, {}))

    def _host(self, i: int, name: str, version: Version) -> HostFacts:
        control_plane = i < self.control_planes
        members = tuple(
            EtcdMember(id=f"{n + 1:x}", name=f"cp{n + 1}", started=True, learner=False)
            for n in range(self.control_planes)
        )
        etcd = Etcd(
            member=f"{i + 1:x}",
            version="3.6.5",
            leader="1",
            raft_index=100,
            raft_applied_index=100,
            learner=False,
            db_size=1,
            alarms=(),
            errors=(),
            members=members,
        )
        hashes = dict.fromkeys(("etcd", *CONTROL_PLANE_COMPONENTS), f"sha256:{i:064x}")
        facts = HostFacts(
            host=Host(
                hostname=name,
                boot_id="b",
                os_id="debian",
                os_version="12",
                cgroup="v1" if self.cgroup == "v1" else "v2",
                host_key="SHA256:" + "k" * 43,
            ),
            packages=Packages(family="apt", repository=version.line, held=("kubelet", "kubeadm"), installed={}),
            kubeadm=Kubeadm(
                initialised=True,
                control_plane=control_plane,
                kubeadm=version,
                kubelet=version,
                patches="none",
                admin_conf=control_plane,
            ),
            run=RunRecord(run="", epoch=0, owner="", units=()),
            kubelet=Kubelet(active=True, restarts=0, healthy=True, last_lines=()),
            kubelet_config_access=True,
            system=System(
                clock=1_700_000_000.5,
                rooms=tuple(Room(folder=folder, mount="/", mib=40_000) for folder in _FOLDERS),
                kubelet_seconds=86_400,
            ),
            asked=(1_700_000_000, 1_700_000_001),
            certificates=_certificates(control_plane=control_plane),
            flags=(Given(component="kubelet", place="/etc/default/kubelet", flags=("node-ip",)),),
        )
        if not control_plane:
            return facts
        return replace(
            facts,
            manifests=ManifestFiles(hashes=hashes, images={}),
            etcd=etcd,
            apiserver=Apiserver(ready=True, version=version, said="ok"),
            deprecated_apis=(),
            endpoint=EndpointSeen(
                kubelet=f"10.0.0.{i + 11}:6443", endpoint="10.0.0.1:6443", own=False, ready=True, said=""
            ),
        )


def _certificates(*, control_plane: bool) -> Certificates:
    signed = {"kubelet": ""}
    if control_plane:
        signed |= {
            "apiserver": "ca",
            "admin.conf": "ca",
            "front-proxy-client": "front-proxy-ca",
            "etcd/server": "etcd/ca",
        }
    return Certificates(
        now=_NOW,
        certificates=tuple(
            Certificate(name=name, authority=authority, begins=_NOW - _YEAR // 2, ends=_NOW + _YEAR // 2)
            for name, authority in signed.items()
        ),
        authorities=tuple(
            Authority(name=name, key=True, ends=_NOW + 9 * _YEAR)
            for name in ("ca", "front-proxy-ca", "etcd/ca")
            if control_plane
        ),
    )


@pytest.fixture
def shape() -> type[Shape]:
    return Shape
