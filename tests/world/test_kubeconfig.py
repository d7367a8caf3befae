"""The way to the API server: files, flags, credential plugins, impersonation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.model.errors import AccessError
from kubectl_upgrade.world.kubeconfig import KubernetesOptions
from tests.world.api_server import asking, kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.api_server import Api

NODE = "/api/v1/nodes/cp1"


def test_impersonation_by_flags(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(200, {})]
    impersonating = KubernetesOptions(
        kubeconfig=options.kubeconfig, as_user="jane", as_uid="7", as_groups=("dev", "ops")
    )
    with asking(impersonating) as ask:
        ask(lambda cluster: cluster.get(NODE))
        ask(lambda cluster: cluster.create("/api/v1/nodes", {}))
    for request in api.requests:
        assert request.header("Impersonate-User") == ["jane"]
        assert request.header("Impersonate-Uid") == ["7"]
        assert request.header("Impersonate-Group") == ["dev", "ops"]


def test_impersonation_by_kubeconfig_is_not_dropped(api: Api, tmp_path: Path) -> None:
    api.answers = [(200, {})]
    path = kubeconfig(tmp_path, api.url, {"token": "canary", "as": "jane", "as-groups": ["dev"]})
    with asking(KubernetesOptions(kubeconfig=path)) as ask:
        ask(lambda cluster: cluster.get(NODE))
    assert api.requests[0].header("Impersonate-User") == ["jane"]
    assert api.requests[0].header("Impersonate-Group") == ["dev"]


def test_flags_win_over_the_file(api: Api, tmp_path: Path) -> None:
    api.answers = [(200, {})]
    one = kubeconfig(tmp_path, "http://127.0.0.1:1", {"token": "of-one"}, "one")
    two = kubeconfig(tmp_path, api.url, {"token": "of-two"}, "two")
    both = f"{one}:{tmp_path}/missing:{two}"
    for options, token in (
        (KubernetesOptions(kubeconfig=both, context="two"), "of-two"),
        (KubernetesOptions(kubeconfig=both, context="one", cluster="two"), "of-one"),
        (KubernetesOptions(kubeconfig=both, context="two", user="one"), "of-one"),
        (KubernetesOptions(kubeconfig=both, context="one", server=api.url + "/"), "of-one"),
        (KubernetesOptions(kubeconfig=both, context="two", token="of-flag"), "of-flag"),  # noqa: S106  no secret
    ):
        with asking(options) as ask:
            ask(lambda cluster: cluster.get(NODE))
        assert api.requests[-1].header("Authorization") == [f"Bearer {token}"]
        assert api.requests[-1].path == NODE


def test_kubeconfig_is_found_as_kubectl_finds_it(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers = [(200, {})]
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube", api.url, {"token": "at-home"})
    named = kubeconfig(tmp_path, api.url, {"token": "named"}, "named")
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, token in (("", "at-home"), (named, "named")):
        monkeypatch.setenv("KUBECONFIG", value)
        with asking(KubernetesOptions()) as ask:
            ask(lambda cluster: cluster.get(NODE))
        assert api.requests[-1].header("Authorization") == [f"Bearer {token}"]


def exec_plugin(script: str) -> dict[str, Any]:
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", script],
            "interactiveMode": "Never",
        }
    }


def test_a_credential_plugin_is_asked(api: Api, tmp_path: Path) -> None:
    api.answers = [(200, {})]
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    path = kubeconfig(tmp_path, api.url, exec_plugin(f"echo '{json.dumps(credential)}'"))
    with asking(KubernetesOptions(kubeconfig=path)) as ask:
        ask(lambda cluster: cluster.get(NODE))
    assert api.requests[0].header("Authorization") == ["Bearer from-plugin"]


def test_a_failing_credential_plugin_stops_before_any_request(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kubeconfig(tmp_path, api.url, exec_plugin("echo please log in >&2; exit 1"))
    with (
        asking(KubernetesOptions(kubeconfig=path)) as ask,
        pytest.raises(AccessError, match="no credentials: exec") as caught,
    ):
        ask(lambda cluster: cluster.get(NODE))
    assert "kubectl" in caught.value.fix
    assert api.requests == []
    assert capsys.readouterr().err.replace("please log in\n", "") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("[", "flow"),
        ("a: b", "current-context"),
        ("- 1", ""),
        ('{"current-context": "x", "contexts": [], "clusters": [], "users": []}', "x"),
        ('{"current-context": "x", "contexts": [{"name": "x"}], "clusters": [], "users": []}', ""),
    ],
)
def test_a_wrong_kubeconfig_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with asking(KubernetesOptions(kubeconfig=str(path))) as ask, pytest.raises(AccessError) as caught:
        ask(lambda cluster: cluster.get(NODE))
    assert str(path) in caught.value.message
    assert said in caught.value.message


def test_no_kubeconfig(tmp_path: Path) -> None:
    with asking(KubernetesOptions(kubeconfig=f"{tmp_path}/x")) as ask, pytest.raises(AccessError, match="no such file"):
        ask(lambda cluster: cluster.get(NODE))
