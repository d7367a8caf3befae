"""What ssh says when it does not get through, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import NodeUnreachableError

if TYPE_CHECKING:
    from kubectl_upgrade.world import Machine

# OpenSSH's own words → what went wrong, what to do; the first that fits
_CAUSES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("REMOTE HOST IDENTIFICATION HAS CHANGED",),
        "its host key is not the one in known_hosts",
        (
            "compare the fingerprint with the node's own, read on its console"
            " (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub);"
            " only if they agree, replace the line of known_hosts that ssh names"
        ),
    ),
    (
        ("host key is known for", "Host key verification failed", "No matching host key fingerprint"),
        "its host key is not in known_hosts",
        (
            "read the fingerprint on its console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub),"
            " connect once by hand and accept that key only"
        ),
    ),
    (
        ("Permission denied", "Too many authentication failures", "no mutual signature"),
        "it refused the login",
        "see that ssh-add -l lists the right key and that --ssh-user is right; ssh must work without a password",
    ),
    (
        ("Could not resolve hostname",),
        "its name is unknown",
        "give it an entry in the ssh configuration, or connect by address (--ssh-to address)",
    ),
    (
        ("Connection refused",),
        "nothing listens for ssh there",
        "see that sshd runs on the node, and whether the ssh configuration names the right port",
    ),
    (
        ("timed out", "No route to host", "Network is unreachable", "Timeout, server"),
        "the network does not reach it",
        "see that the node is up and that this machine has a way to it (ProxyJump in the ssh configuration)",
    ),
    (
        (
            "Connection closed by",
            "Connection reset by",
            "kex_exchange_identification",
            "Broken pipe",
            "closed by remote",
        ),
        "the connection broke off",
        "the node may be starting or its sshd may limit new connections (MaxStartups); run it again",
    ),
    (
        ("Bad configuration option", "Can't open user config file", "Bad owner or permissions", "terminating, "),
        "ssh's configuration is wrong",
        "correct the file that ssh names",
    ),
)


def unreachable(machine: Machine, doing: str, said: str) -> NodeUnreachableError:
    """The error for an ssh that exited with 255; `said` is its stderr."""
    unknown = ("ssh did not get through", f"try it by hand: ssh {machine.address} true")
    cause, fix = next(((cause, fix) for words, cause, fix in _CAUSES if any(word in said for word in words)), unknown)
    return NodeUnreachableError(f"{doing} on {machine.name} ({machine.address}): {cause}; ssh said: {last(said)}", fix)


def sudo_refused(machine: Machine, doing: str, said: str) -> NodeUnreachableError:
    """The error for a login that is not root and may not become root."""
    return NodeUnreachableError(
        f"{doing} on {machine.name} ({machine.address}): sudo refused; it said: {last(said)}",
        "allow that user sudo without a password or a terminal there (NOPASSWD, !requiretty), or use --ssh-user root",
    )


def no_answer(machine: Machine, doing: str, when: str, said: str) -> NodeUnreachableError:
    """The error for a call that was ended here; what it started on the node is not touched by that."""
    return NodeUnreachableError(
        f"{doing} on {machine.name} ({machine.address}): no answer {when}; ssh said: {last(said)}",
        "what runs on the node goes on; see that the node is up, then run the command again",
    )


def last(said: str, lines: int = 6) -> str:
    """The end of what a program said, on one line."""
    kept = [line.strip() for line in said.splitlines() if line.strip()]
    return " | ".join(kept[-lines:]) or "nothing"
