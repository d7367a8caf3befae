"""What a static pod's manifest says, thing by thing, in whatever order and form it is written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

# as a person would call it → its values: a flag may come more than once
Parts: TypeAlias = dict[str, tuple[str, ...]]

_MOST = 2000
_NAMED = {"volumes": "volume", "env": "env", "ports": "port"}
_WORDS = ("command", "args")
# as Kubernetes' components take them; of `sh -ec …`, what follows is a program's text and no value
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9._-]*")


def manifest_parts(text: str, component: str) -> Parts:
    """Of a manifest in YAML or JSON; ValueError when it is not one. What is empty there does not count."""
    try:
        # a few lines of them could stand for more than any memory holds
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.CSafeLoader)):
            raise ValueError(f"the manifest of {component} has aliases, which are not followed")
        pod = yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        # no word of what is in it
        raise ValueError(f"the manifest of {component} is no YAML") from error
    if not isinstance(pod, dict) or not isinstance(pod.get("spec"), dict):
        raise TypeError(f"the manifest of {component} is no pod")
    # a status has no meaning there, and kubeadm writes an empty one
    pod = {key: value for key, value in pod.items() if key != "status"}
    parts: Parts = {}
    for name, value in _pod(pod, component):
        parts[name] = (*parts.get(name, ()), value)
        if len(parts) > _MOST:
            raise ValueError(f"the manifest of {component} says more than {_MOST} things")
    return parts


def _pod(pod: dict[str, Any], component: str) -> Iterator[tuple[str, str]]:
    spec = pod.pop("spec")
    metadata = pod.pop("metadata", None) or {}
    for kind in ("annotation", "label"):
        for name, value in (metadata.pop(f"{kind}s", None) or {}).items():
            yield f"{kind} {name}", str(value)
    for container in spec.pop("containers", None) or ():
        if container["name"] == component:
            yield from _container(dict(container))
        else:
            yield f"container {container['name']}", _line(container)
    yield from _named(spec, "volumes")
    for fields in (metadata, spec, pod):
        yield from _fields(fields)


def _container(container: dict[str, Any]) -> Iterator[tuple[str, str]]:
    words = [str(word) for field in _WORDS for word in container.pop(field, None) or ()]
    yield from _flags(words)
    for field in ("env", "ports"):
        yield from _named(container, field)
    for mount in container.pop("volumeMounts", None) or ():
        yield f"mount {mount['mountPath']}", _line({**mount, "mountPath": None})
    yield from _fields(container)


def _fields(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        line = _line(value)
        if line:
            yield str(name), line


def _flags(words: list[str]) -> Iterator[tuple[str, str]]:
    """`--name=value`, `--name value`, `--name`; what comes before them is the program. One dash stays one, but for
    klog's `-v`; what is no flag has no name.
    """
    program = 0
    while program < len(words) and not words[program].startswith("-"):
        program += 1
    if program:
        yield "command", " ".join(words[:program])
    at = program
    while at < len(words):
        name, equals, value = words[at].partition("=")
        at += 1
        if not _FLAG.fullmatch(name):
            yield "words", words[at - 1]
            continue
        if not equals and at < len(words) and not words[at].startswith("-"):
            value = words[at]
            at += 1
        yield ("--v" if name == "-v" else name.replace("_", "-")), value


def _named(mapping: dict[str, Any], field: str) -> Iterator[tuple[str, str]]:
    """A list of things with names."""
    for thing in mapping.pop(field, None) or ():
        yield f"{_NAMED[field]} {thing['name']}", _line({**thing, "name": None})


def _line(value: Any) -> str:
    """In one line, without what is empty."""
    return ", ".join(f"{path} {text}".strip() for path, text in sorted(_leaves(value, "")))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else str(key))
    elif value not in (None, [], ""):
        yield path, value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
