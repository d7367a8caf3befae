"""How many nodes a share of a pool is."""

from __future__ import annotations


def nodes_of(share: str, pool_size: int) -> int:
    """`2`, or `10%` of the pool: rounded down, at least 1."""
    if share.endswith("%"):
        return max(1, pool_size * int(share.removesuffix("%")) // 100)
    return int(share)
