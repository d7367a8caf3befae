"""A Corefile's plugins and their options, by the same coarse reading as kubeadm's own library for it."""

from __future__ import annotations

import re

from kubectl_upgrade.model.add_ons import Corefile, CorefilePlugin

# https://github.com/coredns/corefile-migration, migration/corefile: a word that begins with # ends the line
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\S+')
_PLUGIN, _OPTION = 1, 2


def corefile(text: str) -> Corefile:
    """Server blocks hold plugins, plugins' blocks hold options; deeper is not looked at."""
    plugins: list[tuple[str, list[str]]] = []
    depth = 0
    for line in text.splitlines():
        fresh = True
        for word in _WORD.findall(line):
            if word.startswith("#"):
                break
            if word in {"{", "}"}:
                depth += 1 if word == "{" else -1
                fresh = True
            elif fresh:
                fresh = False
                if depth == _PLUGIN:
                    plugins.append((word.strip('"'), []))
                elif depth == _OPTION and plugins:
                    plugins[-1][1].append(word.strip('"'))
        if depth < 0:
            break
    return Corefile(
        plugins=tuple(CorefilePlugin(name=name, options=tuple(options)) for name, options in plugins),
        closed=depth == 0,
    )
