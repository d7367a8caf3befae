"""How the operator reaches the API server: kubeconfig and the flags that win over it."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client import Configuration  # noqa: TID251  it reads files, and talks to nobody
from kubernetes.config import ConfigException, kube_config  # noqa: TID251  the same
from yaml import YAMLError

from kubectl_upgrade.model.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesOptions:
    """kubectl's global flags; an empty text is a flag that was not given."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    server: str = ""
    token: str = field(default="", repr=False)
    as_user: str = ""
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()
    request_timeout_seconds: float = 30.0
    connections: int = 16
    """requests at once"""
    retry: bool = True
    """send a GET once more whose connection breaks"""


@dataclass(frozen=True, slots=True)
class Access:
    """The client library's configuration, and the headers of impersonation that it does not know."""

    configuration: Any
    headers: tuple[tuple[str, str], ...]


def load(options: KubernetesOptions) -> Access:
    """Read kubeconfig as kubectl does; ApiError when there is none, it is wrong, or it yields no credentials."""
    # the library reads KUBECONFIG once, at import, and fails on an empty one; kubectl does neither
    paths = options.kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    configuration = Configuration()
    library: Any = kube_config  # it has no types
    with _heard() as heard:
        try:
            merged = library.KubeConfigMerger(paths).config
            if merged is None:
                raise _bad(paths, "there is no such file", "name one with --kubeconfig or in KUBECONFIG")
            context = _context(merged, options)
            loader = library.KubeConfigLoader(config_dict=merged, active_context=context)
            loader.load_and_set(configuration)
            user = _user(merged, context)
        except (ConfigException, YAMLError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise _bad(paths, str(error), "see kubectl config view; does kubectl get nodes work?") from error
    if options.server:  # in the loader as well: it writes what it knows again before each request
        loader.host = configuration.host = options.server.rstrip("/")
    if options.token:
        configuration.api_key["BearerToken"] = f"Bearer {options.token}"
        configuration.refresh_api_key_hook = None
    if not (configuration.api_key or configuration.cert_file) and (user or configuration.host.startswith("https")):
        # the library only logs that a credential plugin failed, and would go on as nobody
        said = "; ".join(heard) or "the user has neither token nor certificate"
        raise _bad(paths, f"no credentials: {said}", "log in first, as for kubectl: kubectl auth whoami")
    return Access(configuration, _impersonation(options, user))


def _context(merged: Any, options: KubernetesOptions) -> str:
    """The name of the context to use; with --cluster or --user it is one of our own, added to the others."""
    name = options.context or merged["current-context"]
    if options.cluster or options.user:
        chosen = dict(_named(merged, "contexts", name).get("context") or {})
        chosen |= {key: value for key, value in (("cluster", options.cluster), ("user", options.user)) if value}
        name = "upgrade-cp: by flags"
        merged.value["contexts"].append({"name": name, "context": chosen})
    return str(name)


def _user(merged: Any, context: str) -> dict[str, Any]:
    user = _named(merged, "contexts", context)["context"].get("user")
    return dict(_named(merged, "users", user).get("user") or {}) if user else {}


def _named(merged: Any, kind: str, name: str) -> dict[str, Any]:
    for node in merged.value[kind]:
        entry: dict[str, Any] = getattr(node, "value", node)
        if entry["name"] == name:
            return entry
    raise ValueError(f"{kind} has no {name!r}")


def _impersonation(options: KubernetesOptions, user: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    # https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    name = options.as_user or user.get("as") or ""
    uid = options.as_uid or user.get("as-uid") or ""
    groups = options.as_groups or user.get("as-groups") or ()
    headers = [
        ("Impersonate-User", name),
        ("Impersonate-Uid", uid),
        *(("Impersonate-Group", group) for group in groups),
    ]
    return tuple((header, value) for header, value in headers if value)


def _bad(paths: str, what: str, fix: str) -> AccessError:
    """No API server was asked, so that nobody waits for one."""
    return AccessError(f"reading kubeconfig {paths}: {what}", fix)


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(" ".join(record.getMessage().split()))


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What is logged meanwhile; with a handler in place, nothing of it goes to the terminal on its own."""
    heard: list[str] = []
    listener = _Listener(heard)
    logging.getLogger().addHandler(listener)
    try:
        yield heard
    finally:
        logging.getLogger().removeHandler(listener)
