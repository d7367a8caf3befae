"""The API's paths that are modelled."""

from __future__ import annotations

from dataclasses import dataclass

from kubectl_upgrade.simulation.faults import UnplannedError

NODES = "/api/v1/nodes"
NAMESPACES = "/api/v1/namespaces"
PODS = "/api/v1/pods"
CONFIG_MAPS = "/api/v1/configmaps"
DAEMON_SETS = "/apis/apps/v1/daemonsets"
DEPLOYMENTS = "/apis/apps/v1/deployments"
REPLICA_SETS = "/apis/apps/v1/replicasets"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
JOBS = "/apis/batch/v1/jobs"
MUTATING_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
VALIDATING_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
POLICY_BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
MUTATING_BINDINGS = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
MUTATING_BINDINGS_BETA = "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicybindings"
QUOTAS = "/api/v1/resourcequotas"
LEASES = "/apis/coordination.k8s.io/v1/leases"
SIGNING_REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
EVENTS = "/api/v1/events"
# of each API of MachineDeployments
MACHINE_APIS = ("cluster.k8s.io/v1alpha1", "cluster.x-k8s.io/v1beta1", "cluster.x-k8s.io/v1beta2")
MACHINE_KINDS = {
    "machinedeployments": "MachineDeployment",
    "machinesets": "MachineSet",
    "machines": "Machine",
    "clusters": "Cluster",
}

# collection over all namespaces → (kind, namespaced)
RESOURCES = {
    NODES: ("Node", False),
    NAMESPACES: ("Namespace", False),
    PODS: ("Pod", True),
    CONFIG_MAPS: ("ConfigMap", True),
    DAEMON_SETS: ("DaemonSet", True),
    DEPLOYMENTS: ("Deployment", True),
    REPLICA_SETS: ("ReplicaSet", True),
    BUDGETS: ("PodDisruptionBudget", True),
    LEASES: ("Lease", True),
    SIGNING_REQUESTS: ("CertificateSigningRequest", False),
    JOBS: ("Job", True),
    MUTATING_WEBHOOKS: ("MutatingWebhookConfiguration", False),
    VALIDATING_WEBHOOKS: ("ValidatingWebhookConfiguration", False),
    POLICY_BINDINGS: ("ValidatingAdmissionPolicyBinding", False),
    MUTATING_BINDINGS: ("MutatingAdmissionPolicyBinding", False),
    MUTATING_BINDINGS_BETA: ("MutatingAdmissionPolicyBinding", False),
    QUOTAS: ("ResourceQuota", True),
    EVENTS: ("Event", True),
    **{f"/apis/{api}/{resource}": (kind, True) for api in MACHINE_APIS for resource, kind in MACHINE_KINDS.items()},
}
_SUBRESOURCES = {(PODS, "eviction")}


@dataclass(frozen=True, slots=True)
class Location:
    """Where a path points: a collection, an object of it, or an object's subresource."""

    collection: str
    """a key of RESOURCES"""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def kind(self) -> str:
        return RESOURCES[self.collection][0]

    @property
    def api_version(self) -> str:
        words = self.collection.split("/")
        return words[2] if words[1] == "api" else f"{words[2]}/{words[3]}"

    def __str__(self) -> str:
        """As the API server names it in its errors: `leases.coordination.k8s.io "upgrade-cp"`."""
        resource = self.collection.rpartition("/")[2]
        group = self.api_version.rpartition("/")[0]
        return f'{resource}{group and "." + group} "{self.name}"'


def locate(path: str) -> Location:
    """Read `/api/v1/nodes/cp1`, `/apis/apps/v1/namespaces/kube-system/daemonsets`, …; UnplannedError for any other."""
    words = path.removeprefix("/").split("/")
    head = 2 if words[0] == "api" else 3
    group, rest = "/" + "/".join(words[:head]), words[head:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":  # noqa: PLR2004 - namespaces/NS/RESOURCE
        namespace, rest = rest[1], rest[2:]
    collection, name, subresource = [*rest, "", "", ""][:3]
    found = Location(f"{group}/{collection}", namespace, name, subresource)
    if found.collection not in RESOURCES or len(rest) > 3 or (bool(rest) and "" in rest):  # noqa: PLR2004 - as above
        raise UnplannedError(f"no such path is modelled: {path}")
    if subresource and (found.collection, subresource) not in _SUBRESOURCES:
        raise UnplannedError(f"no such subresource is modelled: {path}")
    namespaced = RESOURCES[found.collection][1]
    if bool(namespace) > namespaced or (name and bool(namespace) != namespaced):
        raise UnplannedError(f"{found.kind} is {'' if namespaced else 'not '}in a namespace: {path}")
    return found
