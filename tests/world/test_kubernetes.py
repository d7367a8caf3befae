"""KubernetesCluster: what it sends, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.world.kubeconfig import KubernetesOptions
from kubectl_upgrade.world.kubernetes import KubernetesCluster
from tests.world.api_server import Body, asking, kubeconfig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.world.api_server import Api

NODE = "/api/v1/nodes/cp1"


def test_get_sends_the_credentials_and_returns_the_object(api: Api, options: KubernetesOptions) -> None:
    node = {"kind": "Node", "metadata": {"name": "cp1"}, "a field nobody knows": [1, {"x": None}]}
    api.answers = [(200, node)]
    with asking(options) as ask:
        assert ask(lambda cluster: cluster.get(NODE)) == node
    (request,) = api.requests
    assert (request.method, request.path) == ("GET", NODE)
    assert request.header("Authorization") == ["Bearer canary"]
    assert request.header("Accept") == ["application/json"]


def test_list_reads_every_page(api: Api, options: KubernetesOptions) -> None:
    api.answers = [
        (200, {"metadata": {"continue": "t=1&2"}, "items": [{"n": 1}, {"n": 2}]}),
        (200, {"metadata": {"continue": ""}, "items": [{"n": 3}]}),
    ]
    with asking(options) as ask:
        items = ask(
            lambda cluster: cluster.list("/api/v1/pods", labels="tier=control-plane", fields="spec.nodeName=cp1")
        )
    assert items == [{"n": 1}, {"n": 2}, {"n": 3}]
    selectors = "labelSelector=tier%3Dcontrol-plane&fieldSelector=spec.nodeName%3Dcp1"
    assert [request.path for request in api.requests] == [
        f"/api/v1/pods?{selectors}&limit=5000",
        f"/api/v1/pods?{selectors}&limit=5000&continue=t%3D1%262",
    ]


def test_an_empty_list_may_be_null(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(200, {"items": None, "metadata": {}})]
    with asking(options) as ask:
        assert ask(lambda cluster: cluster.list("/api/v1/pods")) == []


def test_a_list_that_grew_too_old_is_read_at_once(api: Api, options: KubernetesOptions) -> None:
    api.answers = [
        (200, {"metadata": {"continue": "x"}, "items": [{"n": 1}]}),
        (410, {"reason": "Expired", "message": "too old"}),
        (200, {"metadata": {}, "items": [{"n": 1}, {"n": 2}]}),
    ]
    with asking(options) as ask:
        assert ask(lambda cluster: cluster.list("/api/v1/pods")) == [{"n": 1}, {"n": 2}]
    assert api.requests[-1].path == "/api/v1/pods"


def test_a_reduced_list_keeps_what_was_made_of_each_page(api: Api, options: KubernetesOptions) -> None:
    api.answers = [
        (200, {"metadata": {"continue": "t"}, "items": [{"n": 1}, {"n": 2}]}),
        (200, {"metadata": {}, "items": [{"n": 3}]}),
    ]
    with asking(options) as ask:
        odd = ask(
            lambda cluster: cluster.reduced(
                "/api/v1/pods", lambda raw: raw["n"] if raw["n"] % 2 else None, fields="a=b"
            )
        )
    assert odd == (1, 3)
    assert [request.path.partition("?")[2] for request in api.requests] == [
        "fieldSelector=a%3Db&limit=5000",
        "fieldSelector=a%3Db&limit=5000&continue=t",
    ]


def test_a_reduced_list_that_grew_too_old_begins_anew_by_pages(api: Api, options: KubernetesOptions) -> None:
    first = (200, {"metadata": {"continue": "t"}, "items": [{"n": 1}]})
    gone = (410, {"reason": "Expired", "message": "too old"})
    api.answers = [first, gone, first, (200, {"items": [{"n": 2}]})]
    with asking(options) as ask:
        assert ask(lambda cluster: cluster.reduced("/api/v1/pods", lambda raw: raw["n"])) == (1, 2)
        assert all("limit=5000" in request.path for request in api.requests)
        api.answers = [first, gone, first, gone]
        with pytest.raises(ApiError) as error:
            ask(lambda cluster: cluster.reduced("/api/v1/pods", lambda raw: raw["n"]))
    assert error.value.status == 410


def test_a_list_that_breaks_off_is_no_list(api: Api, options: KubernetesOptions) -> None:
    """Half of the Nodes must never pass for all of them."""
    api.answers = [(200, b'{"metadata":{},"items":[{"n":1},{"n":2}')]
    with asking(options) as ask, pytest.raises(ApiError, match="GET /api/v1/pods: no JSON came back"):
        ask(lambda cluster: cluster.list("/api/v1/pods"))


def test_a_list_comes_compressed(api: Api, options: KubernetesOptions) -> None:
    items = [{"n": number, "text": "x" * 1000} for number in range(2000)]
    body = gzip.compress(json.dumps({"items": items}).encode())
    api.answers = [(200, Body(body, encoding="gzip"))]
    with asking(options) as ask:
        assert ask(lambda cluster: cluster.list("/api/v1/pods")) == items
        ask(lambda cluster: cluster.get(NODE))
    assert [request.header("Accept-Encoding") for request in api.requests] == [["gzip"], ["identity"]]


def test_a_list_whose_connection_breaks_is_no_list(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(200, Body(b'{"metadata":{},"items":[{"n":1},', missing=10))]
    with asking(options) as ask, pytest.raises(ApiError, match="no answer from") as error:
        ask(lambda cluster: cluster.reduced("/api/v1/pods", lambda raw: raw["n"]))
    assert error.value.status == 0


def test_what_an_item_is_made_of_may_fail(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(200, {"items": [{"n": 1}, {}]}), (200, {"items": [{"n": 3}]})]
    with asking(options) as ask:
        with pytest.raises(KeyError):
            ask(lambda cluster: cluster.reduced("/api/v1/pods", lambda raw: raw["n"]))
        assert ask(lambda cluster: cluster.reduced("/api/v1/pods", lambda raw: raw["n"])) == (3,)


def test_a_list_that_is_forbidden_is_told_as_such(api: Api, options: KubernetesOptions) -> None:
    forbidden = {"kind": "Status", "reason": "Forbidden", "message": "no pods for you"}
    api.answers = [(403, forbidden), (200, {}), (403, forbidden)]
    with asking(options) as ask, pytest.raises(ApiError, match="no pods for you") as error:
        ask(lambda cluster: cluster.list("/api/v1/pods"))
    assert (error.value.status, error.value.starting) == (403, False)


def test_a_rehearsal_always_says_that_it_is_one(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(200, {})]
    with asking(options) as ask:
        ask(lambda cluster: cluster.rehearse_create("/api/v1/namespaces/kube-system/pods", {"kind": "Pod"}))
        ask(lambda cluster: cluster.rehearse_patch(NODE, {"spec": {}}))
    create, patch = api.requests
    assert (create.method, create.path) == ("POST", "/api/v1/namespaces/kube-system/pods?dryRun=All")
    assert (patch.method, patch.path) == ("PATCH", f"{NODE}?dryRun=All")
    assert patch.header("Content-Type") == ["application/merge-patch+json"]
    assert (create.body, patch.body) == ({"kind": "Pod"}, {"spec": {}})


def test_changes_are_sent_as_the_api_wants_them(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(201, {"kind": "Status"})]
    body = {"metadata": {"resourceVersion": "7", "annotations": {"x": None}}}
    with asking(options) as ask:
        ask(lambda cluster: cluster.create(f"{NODE}/eviction", body))
        ask(lambda cluster: cluster.patch(NODE, body))
        ask(lambda cluster: cluster.delete(NODE, uid="u-1"))
    sent = [(request.method, request.header("Content-Type"), request.body) for request in api.requests]
    options_of_delete = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "u-1"}}
    assert sent == [
        ("POST", ["application/json"], body),
        ("PATCH", ["application/merge-patch+json"], body),
        ("DELETE", ["application/json"], options_of_delete),
    ]


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (401, ApiError, "Unauthorized"),
        (404, NotFoundError, "NotFound"),
        (409, ConflictError, "AlreadyExists"),
        (429, ApiError, "TooManyRequests"),
        (500, ApiError, "InternalError"),
        (503, ApiError, "ServiceUnavailable"),
    ],
)
def test_a_refusal_has_the_servers_words(
    api: Api, options: KubernetesOptions, status: int, kind: type[ApiError], reason: str
) -> None:
    api.answers = [(status, {"kind": "Status", "reason": reason, "message": "because of canary-7"})]
    began = time.monotonic()
    with asking(options) as ask, pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.get(NODE))
    assert type(caught.value) is kind
    assert caught.value.message == f"GET {NODE}: {status} {reason}: because of canary-7"
    assert (caught.value.status, caught.value.reason) == (status, reason)
    assert caught.value.retry_after == (60 if status == 429 else 0)
    assert caught.value.fix
    assert len(api.requests) == 1
    assert time.monotonic() - began < 3


def test_a_ready_api_server_means_its_refusal(api: Api, options: KubernetesOptions) -> None:
    refused = (403, {"reason": "Forbidden", "message": "nodes is forbidden"})
    api.answers = [refused, (200, b"ok"), refused]
    with asking(options) as ask, pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.get(NODE))
    assert caught.value.message == f"GET {NODE}: 403 Forbidden: nodes is forbidden"
    assert (caught.value.status, caught.value.starting) == (403, False)
    assert [request.path for request in api.requests] == [NODE, "/readyz", NODE]


def test_one_that_has_got_ready_meanwhile_is_asked_again(api: Api, options: KubernetesOptions) -> None:
    api.answers = [
        (403, {"reason": "Forbidden", "message": "nodes is forbidden"}),
        (200, b"ok"),
        (200, {"kind": "Node"}),
    ]
    with asking(options) as ask:
        assert ask(lambda cluster: cluster.get(NODE)) == {"kind": "Node"}


@pytest.mark.parametrize(
    "ready", [(403, {"reason": "Forbidden", "message": "readyz"}), (500, b"[-]poststarthook"), "drop"]
)
def test_an_api_server_that_starts_refuses_everybody(api: Api, options: KubernetesOptions, ready: object) -> None:
    """Seen in the lab: for a moment the administrator may do nothing. Whoever is patient asks again."""
    api.answers = [(403, {"reason": "Forbidden", "message": "leases is forbidden"}), ready]
    with asking(options) as ask, pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.get(NODE))
    assert (caught.value.status, caught.value.starting) == (403, True)
    assert caught.value.message == f"GET {NODE}: 403 Forbidden: leases is forbidden (its /readyz is not ok)"


def test_a_patch_of_another_uid_is_a_conflict(api: Api, options: KubernetesOptions) -> None:
    cause = {"reason": "FieldValueInvalid", "message": "field is immutable", "field": "metadata.uid"}
    api.answers = [(422, {"reason": "Invalid", "message": "Node is invalid", "details": {"causes": [cause]}})]
    with asking(options) as ask, pytest.raises(ConflictError):
        ask(lambda cluster: cluster.patch(NODE, {"metadata": {"uid": "another"}}))
    api.answers = [(422, {"reason": "Invalid", "message": "Node is invalid", "details": {"causes": [{}]}})]
    with asking(options) as ask, pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.patch(NODE, {"spec": 7}))
    assert type(caught.value) is ApiError


@pytest.mark.parametrize(("status", "page"), [(502, b"<html>Bad\n gateway</html>"), (599, b""), (503, b'{"a": 1}')])
def test_a_page_of_a_proxy_is_no_crash(api: Api, options: KubernetesOptions, status: int, page: bytes) -> None:
    api.answers = [(status, page)]
    with asking(options) as ask, pytest.raises(ApiError, match=f"GET {NODE}: {status}"):
        ask(lambda cluster: cluster.get(NODE))


def test_an_answer_that_is_no_json_is_an_error(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(200, b"<html>log in")]
    with asking(options) as ask, pytest.raises(ApiError, match="no JSON came back: <html>log in"):
        ask(lambda cluster: cluster.get(NODE))


def test_credentials_follow_no_redirect(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(302, b"")]
    with asking(options) as ask, pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.get(NODE))
    assert caught.value.status == 302


def test_a_get_survives_one_dead_connection(api: Api, options: KubernetesOptions) -> None:
    api.answers = ["drop", (200, {"n": 1})]
    with asking(options) as ask:
        assert ask(lambda cluster: cluster.get(NODE)) == {"n": 1}
    api.answers = ["drop", "drop", (200, {})]
    with asking(options) as ask, pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.get(NODE))
    assert caught.value.status == 0


def test_a_probes_get_is_sent_once(api: Api, options: KubernetesOptions) -> None:
    api.answers = ["drop", (200, {"n": 1})]
    with asking(replace(options, retry=False)) as ask, pytest.raises(ApiError) as caught:
        ask(lambda cluster: cluster.get(NODE))
    assert caught.value.status == 0
    assert len(api.requests) == 1


def test_a_change_is_never_sent_twice(api: Api, options: KubernetesOptions) -> None:
    changes: list[Callable[[KubernetesCluster], Awaitable[Any]]] = [
        lambda cluster: cluster.create("/api/v1/nodes", {"n": 1}),
        lambda cluster: cluster.patch(NODE, {"n": 1}),
        lambda cluster: cluster.delete(NODE, uid="u"),
    ]
    for change in changes:
        api.answers = ["drop", (200, {})]
        api.requests.clear()
        with asking(options) as ask, pytest.raises(ApiError) as caught:
            ask(change)
        assert caught.value.status == 0
        assert len(api.requests) == 1


def test_nobody_waits_longer_than_the_timeout(api: Api, options: KubernetesOptions) -> None:
    api.answers = ["hang"]
    short = KubernetesOptions(kubeconfig=options.kubeconfig, request_timeout_seconds=0.5)
    began = time.monotonic()
    with asking(short) as ask, pytest.raises(ApiError, match="no answer from") as caught:
        ask(lambda cluster: cluster.patch(NODE, {}))
    assert caught.value.status == 0
    assert time.monotonic() - began < 2


def test_nothing_listens(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:1", {"token": "canary"})
    with asking(KubernetesOptions(kubeconfig=path)) as ask, pytest.raises(ApiError, match="refused") as caught:
        ask(lambda cluster: cluster.get("/version"))
    assert caught.value.status == 0
    assert "canary" not in caught.value.message


def test_requests_go_side_by_side(api: Api, options: KubernetesOptions) -> None:
    api.answers = ["wait"]
    cluster = KubernetesCluster(options)

    async def many() -> None:
        await asyncio.gather(*(cluster.get(NODE) for _ in range(16)))
        await cluster.close()

    began = time.monotonic()
    asyncio.run(many())
    assert time.monotonic() - began < 16 * 0.3 / 2


def test_a_path_cannot_leave_its_place(api: Api, options: KubernetesOptions) -> None:
    api.answers = [(200, {})]
    with asking(options) as ask:
        ask(lambda cluster: cluster.get("/api/v1/nodes/a b\r\nX: y"))
    assert api.requests[0].path == "/api/v1/nodes/a%20b%0D%0AX:%20y"
