"""The traits of a hardened cluster, as `Spec(hardened=True)` asks for them; pure.

`--anonymous-auth=false` takes more than the flag: kubeadm's probes of kube-apiserver and haproxy's `/readyz` would get
401, and a joining node could not read cluster-info. kubeadm's own waits ask with credentials (util/apiclient/wait.go).
The other way, an AuthenticationConfiguration that spares the health endpoints (KEP 4633), leaves probes alone. Here
they are patched, because then every kubeadm must apply the patches: an API server written without them is killed by
its kubelet. haproxy shows a certificate of the cluster's CA, so that `/readyz` is still what it asks.
"""

from collections.abc import Mapping

from tests.lab import guard
from tests.lab.images import Image
from tests.lab.spec import API_PORT, GATEWAY, Node, Role

Object = Mapping[str, object]

# under imageRepository CoreDNS has no folder of its own, and all lie in one
REGISTRY = "registry.lab.example"
REPOSITORY = "kubernetes"
PATCHES = "/etc/kubernetes/patches"
DISCOVERY = "/root/discovery.conf"
TAINT = {"key": "dedicated", "value": "apps", "effect": "NoSchedule"}
CLUSTER: Object = {
    "imageRepository": f"{REGISTRY}/{REPOSITORY}",
    "apiServer": {
        "extraArgs": [{"name": "anonymous-auth", "value": "false"}],
        "certSANs": [GATEWAY],  # the operator's machine cannot resolve the endpoint's name
    },
}
KUBELET: Object = {"serverTLSBootstrap": True}

# a strategic, a merge and a JSON patch; what one of them no longer does can be seen in the running cluster
PODS_AT_MOST = 90
REQUEST = "60m"
ANNOTATION = "lab.example/patched"
_BY_PORT = {"httpGet": None, "tcpSocket": {"port": API_PORT}}
PATCH_FILES: Mapping[str, object] = {
    "kube-apiserver+strategic.json": {
        "spec": {
            "containers": [
                {
                    "name": "kube-apiserver",
                    "resources": {"requests": {"cpu": REQUEST}},
                    **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), _BY_PORT),
                }
            ]
        }
    },
    "kubeletconfiguration+merge.json": {"maxPods": PODS_AT_MOST},
    "etcd+json.json": [{"op": "add", "path": f"/metadata/annotations/{ANNOTATION.replace('/', '~1')}", "value": "yes"}],
}

NAME = "guard"
NAMESPACE = "/api/v1/namespaces"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
BUDGET = "/apis/policy/v1/namespaces/kube-system/poddisruptionbudgets"
DNS = {"k8s-app": "kube-dns"}


def own(image: Image) -> Image:
    """The same image as it is named under imageRepository."""
    return image._replace(name=f"{REPOSITORY}/{image.name.rpartition('/')[2]}")


def registration(node: Node) -> Object:
    """What a node registers with: workers are kept for applications."""
    return {"taints": [TAINT]} if node.role is Role.WORKER else {}


def objects(authority: str) -> list[tuple[str, Object]]:
    """What an administrator adds, in order: collection, object; `authority` signed the webhook's certificate."""
    return [
        (BUDGET, {"metadata": {"name": "coredns"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": DNS}}}),
        (NAMESPACE, {"metadata": {"name": NAME}}),
        (f"{NAMESPACE}/{NAME}/services", _service()),
        (f"/apis/discovery.k8s.io/v1/namespaces/{NAME}/endpointslices", _endpoints()),
        (WEBHOOK, _webhook(authority)),
    ]


def _service() -> Object:
    """Without a selector: the webhook's server runs beside the cluster, as an administrator's own would."""
    return {"metadata": {"name": NAME}, "spec": {"ports": [{"port": 443, "targetPort": guard.PORT}]}}


def _endpoints() -> Object:
    return {
        "metadata": {"name": NAME, "labels": {"kubernetes.io/service-name": NAME}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [GATEWAY], "conditions": {"ready": True}}],
        "ports": [{"port": guard.PORT}],
    }


def _webhook(authority: str) -> Object:
    """On everything in kube-system, as a policy engine is at its strictest: without it nothing there can be changed."""
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "scope": "Namespaced"}
    return {
        "metadata": {"name": NAME},
        "webhooks": [
            {
                "name": "guard.lab.example",
                "clientConfig": {"service": {"namespace": NAME, "name": NAME}, "caBundle": authority},
                "rules": [{**every, "operations": ["CREATE", "UPDATE", "DELETE"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
