"""A plan's text with members of etcd moved first, as a person may write it in: no rule asks for it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST = "  - stage: first-control-plane\n"


def with_etcd_way(text: str, version: str, tag: str, nodes: Sequence[str]) -> str:
    """In the first hop, before its first kubeadm; `version` is where that hop begins."""
    targets = f"[{', '.join(nodes)}]"
    way = f"""\
  # {", ".join(nodes)}: pull etcd's image.
  - stage: prepare-etcd
    targets: {targets}
    parallel: true
    steps:
    - {{do: pull-etcd, with: {{version: {version}, tag: {tag}}}}}
  # The cluster: set etcd.local.imageTag.
  - stage: pin-etcd
    targets: cluster
    steps:
    - {{do: pin-etcd, with: {{tag: {tag}}}}}
  # {", ".join(nodes)}, one at a time: move etcd to the tag.
  - stage: etcd-members
    targets: {targets}
    steps:
    - {{do: mark-node}}
    - {{do: kubelet-via-endpoint}}
    - {{do: move-etcd, with: {{version: {version}, tag: {tag}}}}}
    - {{do: kubelet-via-own-apiserver}}
    - {{do: wait-control-plane, with: {{version: {version}, timeoutSeconds: 600}}}}
    - {{do: wait-etcd, with: {{members: {len(nodes)}, timeoutSeconds: 300}}}}
    - {{do: unmark-node}}
  # The cluster: put etcd.local.imageTag back.
  - stage: unpin-etcd
    targets: cluster
    steps:
    - {{do: unpin-etcd}}
"""
    before, found, after = text.partition(FIRST)
    if not found:
        raise ValueError("this plan has no first-control-plane")
    # the comment above that stage goes with it
    at = before.rindex("\n  - ") if "\n  - " in before else len(before)
    lines = before[at:].splitlines(keepends=True)
    own = next((i for i, line in enumerate(lines) if line.startswith("  #")), len(lines))
    head = before[:at] + "".join(lines[:own])
    return head + way + "".join(lines[own:]) + found + after
