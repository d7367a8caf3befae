"""The programs that are piped to a node's shell: the bundle's installation and a probe."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from kubectl_upgrade import node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# of actions and facts; the scripts check again
ARGUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,:=+/-]{0,255}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by their path inside the bundle (`actions/kubeadm-apply.sh`)."""

    files: Mapping[str, bytes]

    @classmethod
    def ours(cls) -> Bundle:
        """The one that belongs to this version of the tool."""
        return cls(node.bundle())

    @property
    def sha256(self) -> str:
        """What `find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` says in the bundle's folder."""
        lines = (f"{sha256(self.files[path]).hexdigest()}  ./{path}\n" for path in sorted(self.files))
        return sha256("".join(lines).encode()).hexdigest()

    @property
    def name(self) -> str:
        """Its folder on a node, below the tool's own."""
        return f"bundle-{self.sha256[:16]}"

    def installation(self, base: str) -> bytes:
        """A program that brings it to BASE on a node, or proves that it is there; answers with one word."""
        lines = [f"begin {base} {self.name} {self.sha256}"]
        lines += [f"file {path} {b64encode(content).decode()}" for path, content in self.files.items()]
        return _program("install.sh", [*lines, "commit"])


def probe(facts: Sequence[str]) -> bytes:
    """A program that asks a node for these facts; answers with `NAME BASE64` for each.

    ValueError for an argument that is not plain text: it stands in the program as it is.
    """
    return _program("probe.sh", [_asked(*fact.split(" ")) for fact in facts])


def _asked(name: str, *arguments: str) -> str:
    for argument in arguments:
        if not ARGUMENT.fullmatch(argument):
            raise ValueError(f"{argument!r} may not be an argument of the fact {name}")
    return " ".join(("fact", name, b64encode(node.fact(name).encode()).decode(), *arguments))


def _program(start: str, lines: Sequence[str]) -> bytes:
    # one compound command: the shell reads all of it before it runs any of it, so a cut connection runs nothing
    text = files(node).joinpath(start).read_text()
    return "\n".join(["{", text, *lines, "}", ""]).encode()
