"""A hardened spec reaches kubeadm, nodes, the balancer and the webhook; a plain one is not touched by it."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import authority, guard, hardened, hardening, kubeadm, services
from tests.lab.images import Image
from tests.lab.place import Place
from tests.lab.spec import Spec

SPEC = Spec(3, 1, hardened=True)
SECRETS = kubeadm.Secrets("abcdef.0123456789abcdef", "0" * 64)
REVIEW: dict[str, Any] = {
    "apiVersion": "admission.k8s.io/v1",
    "request": {
        "uid": "7",
        "userInfo": {"username": "kubernetes-admin"},
        "operation": "CREATE",
        "resource": {"group": "batch", "version": "v1", "resource": "jobs"},
        "object": {"metadata": {"generateName": "upgrade-health-check-"}},
        "dryRun": True,
    },
}


def documents(text: str) -> dict[str, Any]:
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_kubeadm_is_told_every_trait() -> None:
    told = documents(kubeadm.init_config(SPEC, SECRETS))
    cluster = told["ClusterConfiguration"]
    assert cluster["controlPlaneEndpoint"] == "api.lab.example:6443"
    assert cluster["apiServer"]["extraArgs"] == [{"name": "anonymous-auth", "value": "false"}]
    assert cluster["imageRepository"] == "registry.lab.example/kubernetes"
    assert told["InitConfiguration"]["patches"] == {"directory": "/etc/kubernetes/patches"}
    assert "taints" not in told["InitConfiguration"]["nodeRegistration"]
    assert told["KubeletConfiguration"]["serverTLSBootstrap"] is True


def test_nodes_join_by_a_file_with_the_token() -> None:
    for name in ("cp2", "w1"):
        joined = documents(kubeadm.join_config(SPEC, SPEC.node(name), SECRETS, ""))["JoinConfiguration"]
        assert joined["discovery"] == {"file": {"kubeConfigPath": hardened.DISCOVERY}}
        worker = name == "w1"
        assert ("taints" in joined["nodeRegistration"], "patches" in joined) == (worker, not worker)
    found = yaml.safe_load(kubeadm.discovery(SPEC, SECRETS, "Q0E="))
    assert found["clusters"][0]["cluster"]["server"] == "https://api.lab.example:6443"
    assert found["users"][0]["user"]["token"] == SECRETS.token


def test_a_plain_cluster_has_none_of_it() -> None:
    text = kubeadm.init_config(Spec(3, 1), SECRETS)
    assert not [word for word in ("anonymous", "patches", "lab.example", "serverTLSBootstrap") if word in text]
    assert " crt " not in services.balancer_config(Spec(3, 1))


def test_a_hardened_cluster_needs_the_balancer() -> None:
    with pytest.raises(ValueError, match="needs the load balancer"):
        Spec(1, 1, load_balancer=False, hardened=True)


def test_each_patch_has_a_name_that_kubeadm_reads() -> None:
    """`target+type.extension`: kubeadm leaves out what it cannot place, with a line nobody reads."""
    targets = {"kube-apiserver", "etcd", "kubeletconfiguration"}
    kinds = {"strategic", "merge", "json"}
    parts = [name.removesuffix(".json").split("+") for name in hardened.PATCH_FILES]
    assert {target for target, _ in parts} == targets
    assert {kind for _, kind in parts} == kinds


def test_the_authority_signs_for_client_and_server(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.keys.mkdir(parents=True)
    authority.make(place)
    signed = authority.pair(place, "guard.guard.svc")
    for purpose in ("sslclient", "sslserver"):
        words = ["-purpose", purpose, "-verify_hostname", "guard.guard.svc", "-CAfile", authority.certificate_of(place)]
        subprocess.run(["openssl", "verify", *words, signed], check=True, capture_output=True)
    shown = subprocess.run(["openssl", "x509", "-text", "-in", signed], check=True, capture_output=True, text=True)
    assert "CA:TRUE" not in shown.stdout
    assert base64.b64decode(authority.bundle(place)) == authority.certificate_of(place).read_bytes()
    assert f"check-ssl verify none crt {signed} inter" in services.balancer_config(SPEC, signed)


def test_images_lie_in_one_folder() -> None:
    image = Image("coredns/coredns", "v1.12.1", Path("/x"))
    assert hardened.own(image) == Image("kubernetes/coredns", "v1.12.1", Path("/x"))


def test_the_webhook_allows_and_remembers() -> None:
    answer = guard.allowed(REVIEW)
    assert answer["response"] == {"uid": "7", "allowed": True}
    assert json.dumps(guard.asked(REVIEW)) == (
        '{"user": "kubernetes-admin", "operation": "CREATE", "resource": "jobs", '
        '"name": "upgrade-health-check-", "dryRun": true}'
    )


def test_a_deletion_has_no_object_but_an_old_one() -> None:
    request = {**REVIEW["request"], "operation": "DELETE", "object": None, "oldObject": {"metadata": {"name": "x"}}}
    assert guard.asked({"request": request})["name"] == "x"


def test_only_serving_certificates_that_were_signed_count() -> None:
    def request(signer: str, user: str, status: dict[str, str]) -> dict[str, Any]:
        return {"spec": {"signerName": signer, "username": user}, "status": status}

    requests = [
        request("kubernetes.io/kube-apiserver-client-kubelet", "system:bootstrap:abcdef", {"certificate": "x"}),
        request(hardening.SERVING, "system:node:cp1", {"certificate": "x"}),
        request(hardening.SERVING, "system:node:w1", {}),
    ]
    assert list(hardening.signed(requests)) == ["system:node:cp1"]
