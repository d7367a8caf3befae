"""What a node's helper finds in place of systemd on a machine that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.world.bundle import Bundle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# starts the program in a session of its own, as systemd would in a cgroup, and notes its process
_SYSTEMD_RUN = """#!/bin/sh
[ ! -e {stubs}/refuse ] || {{ echo "Failed to start transient service unit: refused" >&2; exit 1; }}
for word; do
    shift
    case $word in --unit=*) unit=${{word#--unit=}} ;; --*) ;; *) set -- "$word" "$@"; break ;; esac
done
setsid /bin/sh -c 'echo "$$" >"$0"; exec "$@"' "{stubs}/$unit.pid" "$@" </dev/null >/dev/null 2>&1 &
while [ ! -e "{stubs}/$unit.pid" ]; do sleep 0.01; done
"""

_SYSTEMCTL = """#!/bin/sh
[ ! -e {stubs}/silent ] || exit 1
unit=${{2%.service}}
if [ -e "{stubs}/$unit.pid" ] && kill -0 "$(cat "{stubs}/$unit.pid")" 2>/dev/null; then echo active; else
    echo inactive
    exit 3
fi
"""


def stubbed(stubs: Path, actions: Mapping[str, str], backups: Path | None = None) -> Bundle:
    """Our helper with the stubs first in its PATH, which are written to a folder, and actions of the caller's own."""
    for name, text in (("systemd-run", _SYSTEMD_RUN), ("systemctl", _SYSTEMCTL)):
        (stubs / name).write_text(text.format(stubs=stubs))
        (stubs / name).chmod(0o700)
    ours = Bundle.ours().files
    helper = ours["helper.sh"].decode()
    assert helper.count("\nPATH=") == 1
    assert helper.count("\nbackups=/var/backups/upgrade-cp\n") == 1
    helper = helper.replace("\nPATH=", f"\nPATH={stubs}:")
    if backups is not None:
        helper = helper.replace("\nbackups=/var/backups/upgrade-cp\n", f"\nbackups={backups}\n")
    files = {"helper.sh": helper.encode(), "lib/unit-state.sh": ours["lib/unit-state.sh"]}
    return Bundle(files | {f"actions/{name}": text.encode() for name, text in actions.items()})
