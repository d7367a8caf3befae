"""Before another hop begins: do all kubelets go with the API servers that it brings?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.adopt import begun_in, preparations
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.facts.static_pods import image_version, read_static_pods
from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.skew import KUBELET_MAY_LAG
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import Hop
    from kubectl_upgrade.model.version import Version


async def may_begin(run: Run, hop: Hop) -> None:
    """PreflightError for a hop that would leave a kubelet too far behind: of a worker that was skipped or came anew,
    for those of the plan are brought along in time. kubeadm's own policy refuses it when packages are changed already.
    Where nodes are taken apart for the hop, or it is over, there is nothing to save: going on is better than half a
    hop.
    """
    if hop is run.plan.hops[0]:
        return  # version-skew judges it
    cluster, clock = run.world.cluster, run.world.clock
    nodes = await patiently(clock, lambda: read_nodes(cluster))
    behind = [node for node in nodes if hop.to.minors_above(node.kubelet) > KUBELET_MAY_LAG]
    if not behind or _has_begun(run, hop) or any(v.minors_above(hop.to) >= 0 for v in await _served(run)):
        return
    raise PreflightError(
        f"{hop.to} cannot begin: more than {KUBELET_MAY_LAG} minors behind it would be the kubelets of"
        f" {some_of([f'{node.name} ({node.kubelet})' for node in behind])}",
        fix=f"bring them to v{hop.to.major}.{hop.to.minor - KUBELET_MAY_LAG} or later, or take these nodes out of the"
        " cluster; then run apply again: the hop before is done",
    )


def _has_begun(run: Run, hop: Hop) -> bool:
    harmless = preparations(run.plan)
    return any(subject.rpartition("/")[0] not in harmless for subject in begun_in(run.history, hop))


async def _served(run: Run) -> set[Version]:
    """Versions of the API servers."""
    pods = await patiently(run.world.clock, lambda: read_static_pods(run.world.cluster))
    versions = (image_version(pod.image) for pod in pods if pod.component == "kube-apiserver")
    return {version for version in versions if version is not None}
