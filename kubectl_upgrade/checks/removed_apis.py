"""Nobody uses an API that the target does not serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Apiserver, HostFacts, Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.rules import rules_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class RemovedApis:
    """A controller or a chart that still speaks an API version of yesterday fails the moment the new API server comes
    up. Each API server counts requests of deprecated APIs, since it started and for itself alone, so each is asked. One
    request an hour or a year ago looks the same, from a person who has mended it since: a warning, nothing that stops.
    """

    NAME: ClassVar[str] = "removed-apis"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        if aim.target.line == facts.kubeadm_config.kubernetes_version.line:
            return
        gone = {
            api.group_version: (rules.minor, api.source)
            for rules in rules_between(facts.kubeadm_config.kubernetes_version, aim.target)
            for api in rules.removed_apis
        }
        requested: dict[tuple[str, str, str], list[str]] = {}
        for node in facts.control_planes:
            host = facts.hosts.get(node.name)
            if not isinstance(host, HostFacts) or not isinstance(host.apiserver, Apiserver) or not host.apiserver.ready:
                continue  # nodes-reachable and node-answers say so
            if isinstance(host.deprecated_apis, Unknown):
                message = f"which deprecated APIs are in use is not known: {host.deprecated_apis.reason}"
                yield Finding(Level.WARN, message, node.name, _GUIDE)
                continue
            for api in host.deprecated_apis:
                minor, source = gone.get(api.group_version, (api.removed_release, _GUIDE))
                if minor and _order(minor) <= (aim.target.major, aim.target.minor):
                    names = requested.setdefault((f"{api.resource} of {api.group_version}", minor, source), [])
                    if node.name not in names:  # subresources are counted one by one
                        names.append(node.name)
        for (name, minor, source), names in requested.items():
            message = f"{name} was requested of {some_of(names)}, and v{minor} does not serve it"
            yield Finding(Level.WARN, message, fix=f"find who still asks (audit log) and move on; {source}")


_GUIDE = "https://kubernetes.io/docs/reference/using-api/deprecation-guide/"


def _order(minor: str) -> tuple[int, int]:
    """Of `1.32`; what is no minor is before all of them, so that it is told."""
    major, _, number = minor.partition(".")
    return (int(major), int(number)) if major.isdecimal() and number.isdecimal() else (0, 0)
