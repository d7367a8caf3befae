"""What is counted is what was asked, and no answer is changed on the way; figures are medians, ratios first."""

from __future__ import annotations

import http.client
import json
import subprocess
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

from bench.plan_cost.counting import CountedSsh, counted_api
from bench.plan_cost.figures import Measured, figures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Server:
    """Says 404 to `/away`, and everything back to the rest."""

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Message, bytes]:
        answer = Message()
        answer["Content-Type"] = "application/json"
        answer["Transfer-Encoding"] = "chunked"
        said = {"method": method, "path": path, "body": (body or b"").decode(), "accept": headers.get("Accept")}
        return 404 if path == "/away" else 200, answer, json.dumps(said).encode()


def test_each_request_is_counted_once_and_passed_on(tmp_path: Path) -> None:
    with counted_api(Server(), tmp_path / "kubeconfig") as asked:
        server = yaml.safe_load((tmp_path / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
        connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=5)

        def ask(method: str, path: str, body: str | None = None) -> tuple[int, object]:
            connection.request(method, path, body, {"Accept": "a/b"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

        said = {"method": "GET", "path": "/api?limit=1", "body": "", "accept": "a/b"}
        assert ask("GET", "/api?limit=1") == (200, said)
        assert ask("PATCH", "/x", "{}") == (200, {"method": "PATCH", "path": "/x", "body": "{}", "accept": "a/b"})
        assert ask("GET", "/away")[0] == 404
        connection.close()
        assert asked.take() == ["GET /api?limit=1", "PATCH /x", "GET /away"]
        assert asked.take() == []


def test_orders_to_a_master_are_no_sessions(tmp_path: Path) -> None:
    ssh = CountedSsh(tmp_path)
    for words in (["-V"], ["-V", "-O", "exit", "--", "cp1"], ["-V", "--", "cp1", "true"]):
        subprocess.run([tmp_path / "ssh", *words], check=False, capture_output=True, timeout=5)
    assert ssh.sessions == 2


def test_figures_are_medians_and_ratios_come_first() -> None:
    rounds = (9.0, 2.0, 4.0)
    measured = Measured(
        nodes=6,
        plan=rounds,
        plan_cpu=rounds,
        plan_mib=rounds,
        kubectl=(0.5, 0.5, 50.0),
        kubeadm=(8.0, 8.0, 8.0),
        connections=6,
        sessions=7,
        requests=20,
        kubectl_requests=2,
    )
    found = list(figures(measured))
    assert [(each.name, each.value) for each in found][:3] == [
        ("plan-wall-ratio-to-kubeadm-upgrade-plan", 0.5),
        ("plan-wall-ratio-to-kubectl", 8.0),
        ("plan-wall", 4.0),
    ]
    assert {each.name: each.goal for each in found}["plan-ssh-connections"] == "<= 6"
