"""Static pods of the control plane, as the API has their mirrors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.facts import StaticPod
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.world import Cluster, Json

_PODS = "/api/v1/namespaces/kube-system/pods"
# kubeadm sets it on every static pod of the control plane (constants.ControlPlaneTier)
_TIER = "tier=control-plane"
# constants.KubeAPIServerAdvertiseAddressEndpointAnnotationKey
_ADVERTISED = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"


async def read_static_pods(cluster: Cluster, node: str = "") -> tuple[StaticPod, ...]:
    """The control plane's pods of one node, or of all."""
    raw = await cluster.list(_PODS, labels=_TIER, fields=f"spec.nodeName={node}" if node else "")
    return tuple(static_pod(pod) for pod in raw)


async def read_advertised_endpoint(cluster: Cluster) -> str:
    """host:port at which an API server says it is found (kubeadm's annotation); empty when no pod says so."""
    pods = await cluster.list(_PODS, labels="component=kube-apiserver")
    found = [(pod["metadata"].get("annotations") or {}).get(_ADVERTISED, "") for pod in pods]
    return next(filter(None, sorted(found)), "")


def static_pod(raw: Json) -> StaticPod:
    """A static pod or its mirror; the image is the running container's, which lags behind the specification."""
    spec, status = raw["spec"], raw.get("status", {})
    component = (raw["metadata"].get("labels") or {}).get("component", "")
    wanted = _image(component, spec["containers"])
    runs = [c for c in status.get("containerStatuses") or [] if "running" in c.get("state", {})]
    running = _image(component, runs)
    return StaticPod(
        component=component,
        node=spec.get("nodeName", ""),
        # a runtime that has lost the tag reports the image's digest
        image=wanted if running.startswith("sha256:") else running or wanted,
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or []),
        running=len(runs) == len(spec["containers"]),
    )


def _image(component: str, containers: Sequence[Json]) -> str:
    """Of the container that kubeadm names like the component: a patch may add others beside it."""
    return next((str(c["image"]) for c in containers if c["name"] == component), "")


def image_version(image: str) -> Version | None:
    """The tag of `registry:5000/kube-apiserver:v1.35.4@sha256:…` as a version, None when it is none."""
    name = image.partition("@")[0].rpartition("/")[2]
    try:
        return Version.parse(name.partition(":")[2])
    except ValueError:
        return None
