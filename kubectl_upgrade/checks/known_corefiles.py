"""What kubeadm's library for Corefiles knows, up to CoreDNS 1.13.1
(https://github.com/coredns/corefile-migration v1.0.29, in kubeadm 1.35).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NEWEST_KNOWN = (1, 13, 1)
# CoreDNS 1.minor → its patches; there are holes
_PATCHES = {
    1: (3, 4),
    2: (0, 1, 2, 3, 4, 5, 6),
    3: (0, 1),
    4: (0,),
    5: (0, 1, 2),
    6: (0, 1, 2, 3, 4, 5, 6, 7, 9),
    7: (0, 1),
    8: (0, 3, 4, 5, 6, 7),
    9: (0, 1, 2, 3, 4),
    10: (0, 1),
    11: (0, 1, 3, 4),
    12: (0, 1, 2, 3, 4),
    13: (0, 1),
}
KNOWN = frozenset((1, minor, patch) for minor, patches in _PATCHES.items() for patch in patches)

# minor of kubeadm → the CoreDNS that it brings (constants.CoreDNSVersion), where its library is known
SHIPPED = {34: (1, 12, 1), 35: (1, 13, 1)}

# plugin → options that it may have, as a regular expression; since 1.12.0 all releases are alike. `answer` is what the
# library reads of `answer name`, which it knows, and does not find
_ADDRESSES = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|[0-9A-Fa-f]{1,4}:[:0-9A-Fa-f]+:[0-9A-Fa-f]{1,4}"
PLUGINS: Mapping[str, str] = {
    "autopath": r"^(?!)",
    "cache": r"^(denial|disable|keepttl|prefetch|serve_stale|servfail|success)$",
    "errors": r"^(consolidate|stacktrace)$",
    "forward": r"^(except|expire|failfast_all_unhealthy_upstreams|force_tcp|health_check|max_concurrent|max_fails|next|"
    r"policy|prefer_udp|tls|tls_servername)$",
    "health": r"^lameduck$",
    "hosts": rf"^(fallthrough|no_reverse|reload|ttl)$|{_ADDRESSES}",
    "k8s_external": r"^(apex|fallthrough|ttl)$",
    "kubernetes": r"^(endpoint|endpoint_pod_names|fallthrough|ignore|kubeconfig|labels|namespaces|noendpoints|pods|tls|"
    r"ttl)$",
    "loadbalance": r"^(?!)",
    "log": r"^class$",
    "loop": r"^(?!)",
    "prometheus": r"^(?!)",
    "ready": r"^(?!)",
    "reload": r"^(?!)",
    "rewrite": r"^(class|cname_target|edns0|name|ttl|type)$",
    "transfer": r"^to$",
}


def written(release: tuple[int, int, int]) -> str:
    """As a tag: v1.13.1."""
    return f"v{'.'.join(map(str, release))}"
