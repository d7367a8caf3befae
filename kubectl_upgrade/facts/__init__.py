"""What is observed: one file per subject. A fact of a node is node/facts/X.sh and the parse() of its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts import (
    apiserver,
    certificates,
    components,
    deprecated_apis,
    endpoint,
    etcd,
    etcd_images,
    evidence,
    external_etcd,
    flags,
    host,
    kubeadm,
    kubelet,
    kubelet_config_access,
    last_output,
    manifests,
    offers,
    packages,
    rendered,
    run,
    system,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_upgrade.world import FactOutput

# each parse gives the value of the HostFacts field of its name; it never raises: what it cannot read is Unknown
FACTS: Mapping[str, Callable[[FactOutput], object]] = {
    # first: of a clock read early in a round trip it is known best how far it may be ahead
    system.NAME: system.parse,
    host.NAME: host.parse,
    packages.NAME: packages.parse,
    kubeadm.NAME: kubeadm.parse,
    manifests.NAME: manifests.parse,
    etcd.NAME: etcd.parse,
    apiserver.NAME: apiserver.parse,
    deprecated_apis.NAME: deprecated_apis.parse,
    components.NAME: components.parse,
    kubelet.NAME: kubelet.parse,
    endpoint.NAME: endpoint.parse,
    certificates.NAME: certificates.parse,
    flags.NAME: flags.parse,
    run.NAME: run.parse,
    kubelet_config_access.NAME: kubelet_config_access.parse,
    external_etcd.NAME: external_etcd.parse,
    last_output.NAME: last_output.parse,
    evidence.NAME: evidence.parse,
    offers.NAME: offers.parse,
    rendered.NAME: rendered.parse,
    etcd_images.NAME: etcd_images.parse,
}
# asked only when somebody looks at a run, a failure, what was just restarted, an etcd that is not kubeadm's, for a
# version to go to, of Kubernetes or of etcd, or makes a plan
ON_DEMAND = frozenset(
    {
        components.NAME,
        external_etcd.NAME,
        last_output.NAME,
        evidence.NAME,
        offers.NAME,
        rendered.NAME,
        etcd_images.NAME,
    }
)
