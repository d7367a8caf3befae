"""The version skew policy (https://kubernetes.io/releases/version-skew-policy/)."""

from __future__ import annotations

from kubectl_upgrade.model.version import Version

# minors that a component may lag behind the API server; none may be ahead of it
KUBELET_MAY_LAG = 3
KUBE_PROXY_MAY_LAG = 3
CONTROLLER_MAY_LAG = 1
APISERVERS_MAY_DIFFER = 1


def next_stop(oldest: Version, target: Version) -> Version:
    """The newest version that API servers may have next: kubeadm takes them to the target one minor at a time."""
    if target.minors_above(oldest) > 1:
        return Version(oldest.major, oldest.minor + 1, 0)
    return target


def lag_problem(component: str, version: Version, apiserver: Version, may_lag: int) -> str | None:
    """Why a component does not go with this API server, or None. Patches never matter to the policy."""
    lag = apiserver.minors_above(version)
    if lag < 0:
        return f"{component} {version} is newer than an API server at {apiserver}"
    if lag > may_lag:
        return f"{component} {version} is {lag} minors behind an API server at {apiserver}, at most {may_lag} may be"
    return None
