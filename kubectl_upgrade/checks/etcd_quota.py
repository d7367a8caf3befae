"""etcd's database has room left below its quota."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Etcd, HostFacts
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

# etcd's storage.DefaultQuotaBytes, for a quota of 0; one below 0 is none
_DEFAULT = 2 * 1024**3
_GIB = 1024**3
_PERCENT = 100
_TELL, _STOP = 80, 95
_FIX = (
    "compact and defragment, one member at a time (https://etcd.io/docs/latest/op-guide/maintenance/), or raise "
    "quota-backend-bytes (etcd.local.extraArgs in kubeadm-config, and each etcd.yaml)"
)


class EtcdQuota:
    """At its quota etcd raises NOSPACE and takes no more writes: no Lease, no eviction, no new pod. An upgrade writes
    more than a quiet day does (every Node, every mirror pod, every evicted pod), and gets stuck between two nodes.

    Sizes are not named, so that planning again says the same.
    """

    NAME: ClassVar[str] = "etcd-quota"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        filled = {_STOP: Level.BLOCKER, _TELL: Level.WARN}
        left = [node.name for node in facts.control_planes]
        for percent, level in filled.items():
            full = {name: quota for name in left if (quota := _filled(facts.hosts.get(name), percent))}
            left = [name for name in left if name not in full]
            if full:
                quotas = sorted({f"{quota / _GIB:.3g} GiB" for quota in full.values()})
                message = f"etcd's database fills {percent} % or more of its quota of {' or '.join(quotas)}"
                yield Finding(level, f"{message} on {', '.join(full)}", fix=_FIX)


def _filled(host: object, percent: int) -> int:
    """The member's quota, when so much of it or more is used; else 0."""
    etcd = host.etcd if isinstance(host, HostFacts) else None
    if not isinstance(etcd, Etcd) or etcd.quota < 0:
        return 0
    quota = etcd.quota or _DEFAULT
    return quota if etcd.db_size * _PERCENT >= quota * percent else 0
