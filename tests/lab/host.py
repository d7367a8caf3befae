"""Run a program on this machine; its error says the command, the code and the last lines."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import environ
from pathlib import Path

from tests.lab.errors import CommandError

TAIL_LINES = 20
# a kernel gives each user 128; a node's systemd, kubelet and containerd need about 15, nine nodes more than there are,
# and a kubelet that gets none starts no static pod and says so in its log alone
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INSTANCES = 1024


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    def check(self) -> "Done":
        """Return itself if the code is zero, raise otherwise."""
        if self.code:
            tail = "\n".join((self.out + self.err).splitlines()[-TAIL_LINES:])
            raise CommandError(f"{' '.join(self.argv)[:400]}: exit {self.code}\n{tail}")
        return self


def run(  # noqa: PLR0913 - the few things that a process has; each is a keyword
    argv: Sequence[str | Path],
    *,
    stdin: str = "",
    limit: float = 300,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Done:
    """Run `argv` to its end, without a shell."""
    words = tuple(str(word) for word in argv)
    try:
        ended = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
            env={**environ, **(env or {})},
            cwd=cwd,
        )
    except subprocess.TimeoutExpired as late:
        raise CommandError(f"{' '.join(words)[:400]}: did not end within {limit:.0f} s") from late
    done = Done(words, ended.returncode, ended.stdout, ended.stderr)
    return done.check() if check else done


def allow_many_watchers() -> None:
    """Raise this machine's limit of inotify instances, where it is lower than what a big cluster needs; it stays so."""
    if int(INOTIFY.read_text()) < INSTANCES:
        INOTIFY.write_text(f"{INSTANCES}\n")
