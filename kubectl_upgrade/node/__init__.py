"""Files that run on nodes: facts, actions, and the shell code that they share."""

from __future__ import annotations

from importlib.resources import files

_HERE = files(__name__)
# functions of lib/ that a fact calls; a fact goes to the node as one text, so they travel in front of it
_CALLS = {
    "etcd": ("etcd-member",),
    "apiserver": ("own-apiserver",),
    "deprecated-apis": ("own-apiserver",),
    "packages": ("apt-repository",),
    "kubelet": ("kubelet-health",),
    "components": ("kubelet-health", "kubelet-pods"),
    "run": ("unit-state",),
    "endpoint": ("endpoint",),
    "system": ("container-runtime",),
    "etcd-images": ("container-runtime", "registry"),
    "flags": ("kubelet-flags",),
    "offers": ("apt-repository", "repository-switch"),
    "rendered": ("own-apiserver",),
}


def fact(name: str) -> str:
    """The script that observes one fact (`etcd`), whole; FileNotFoundError when there is no such fact."""
    functions = [_HERE.joinpath("lib", f"{called}.sh").read_text() for called in _CALLS.get(name, ())]
    return "".join((*functions, _HERE.joinpath("facts", f"{name}.sh").read_text()))


def bundle() -> dict[str, bytes]:
    """All that is installed on a node, by path inside the bundle: helper.sh, actions/*.sh, lib/*.sh."""
    found = {"helper.sh": _HERE.joinpath("helper.sh").read_bytes()}
    for folder in ("actions", "lib"):
        for file in _HERE.joinpath(folder).iterdir():
            found[f"{folder}/{file.name}"] = file.read_bytes()
    return dict(sorted(found.items()))
