"""Nodes as they are: facts piped in, actions started by helper.sh of the bundle."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

from kubectl_upgrade.model.errors import AccessError, LockedError, NodeUnreachableError, PlanError, StepError
from kubectl_upgrade.world import FactOutput, Fence, Machine, Nodes, UnitStatus
from kubectl_upgrade.world.bundle import ARGUMENT, Bundle, probe
from kubectl_upgrade.world.download import Download
from kubectl_upgrade.world.ssh_errors import last

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kubectl_upgrade.world.ssh import Answer, Ssh

# every line that is meant for us; a login may print lines of its own before
_MARK = b"upgrade-cp: "
_LONGEST_FACT = 262144  # bytes, as in probe.sh
_LONGEST_OUTPUT = 65536  # bytes, as in helper.sh
_LONGEST_FETCH = 14400  # seconds: 8 GiB at 600 KiB/s; a connection that dies is noticed by ssh itself
_WHO = "`kubectl -n kube-system get lease upgrade-cp -o yaml` names who holds the cluster"
_UNIT = re.compile(r"upgrade-cp-[0-9a-f]{8}-[0-9a-f]{12}-[1-9][0-9]{0,3}")
_State = Literal["absent", "running", "exited", "interrupted"]


class SshNodes(Nodes):
    """Every call is one session of ssh; an action itself hangs on no connection."""

    def __init__(self, ssh: Ssh, bundle: Bundle, base: str = "/var/lib/upgrade-cp") -> None:
        """`base`: the tool's folder on nodes."""
        self._ssh = ssh
        self._bundle = bundle
        self._base = base

    async def probe(self, machine: Machine, facts: Sequence[str]) -> Mapping[str, FactOutput]:
        # probe.sh gives each fact 30 seconds, and 5 to die
        answer = await self._ssh.call(machine, "looking", [], probe(facts), 20 + 35 * len(facts))
        found = dict(_fact(line) for line in answer.stdout.splitlines() if line.startswith(_MARK))
        if missing := [fact for fact in facts if fact.partition(" ")[0] not in found]:
            raise AccessError(
                f"looking on {machine.name}: no answer to {', '.join(missing)}; it said: {last(answer.stderr)}",
                "run it again; if it stays so, see whether a login there prints or ends something of its own",
            )
        return found

    async def install(self, machine: Machine) -> None:
        doing = "installing the bundle"
        answer = await self._ssh.call(machine, doing, [], self._bundle.installation(self._base), 120)
        word, _ = _reply(machine, doing, answer)
        if word == "altered":
            folder = f"{self._base}/{self._bundle.name}"
            raise AccessError(
                f"{doing} on {machine.name}: {folder} is there, but its content, owner or modes are not ours",
                f"find out who changed it; then remove it there (rm -r {folder}) and run the command again",
            )

    async def raise_fence(self, machine: Machine, fence: Fence) -> None:
        said, _ = await self._helper(machine, "raising the fence", "fence", *_words(fence))
        if said != "raised":
            raise _held(machine, "raising the fence", said, fence)

    async def start(self, machine: Machine, fence: Fence, unit: str, action: str, args: Sequence[str]) -> None:
        doing = f"starting {action}"
        for arg in args:
            if not ARGUMENT.fullmatch(arg):
                raise PlanError(f"{doing} on {machine.name}: {arg!r} may not be an argument", "correct the plan")
        said, _ = await self._helper(machine, doing, "start", *_words(fence), _unit(unit), action, *args)
        if said.startswith("busy "):
            raise _busy(machine, doing, said)
        if said.startswith("refused "):
            raise StepError(
                f"{doing} on {machine.name}: systemd {said}; nothing was started",
                f"on {machine.name}, see systemctl status and journalctl -n 50; then run apply again",
            )
        if said not in ("started", "attached"):
            raise _held(machine, doing, said, fence)

    async def wait(self, machine: Machine, unit: str, seconds: int, offset: int = 0) -> UnitStatus:
        doing = f"waiting for {unit}"
        output = b""
        while True:
            words = ("wait", _unit(unit), str(seconds), str(offset + len(output)))
            said, data = await self._helper(machine, doing, *words, limit=seconds + 30)
            state, exit_code = _state(machine, doing, said)
            output += data
            if state == "running":
                output = _whole_lines(output)
            if state == "running" or len(data) < _LONGEST_OUTPUT:
                return UnitStatus(state, exit_code, output.decode(errors="replace"), offset + len(output))

    async def fetch(self, machine: Machine, fence: Fence, version: str, name: str, target: Path) -> str:
        doing = f"fetching {name}"
        words = [self._helper_file, "fetch", *_words(fence), version, name]
        download = Download(target, _MARK)
        answer = await self._ssh.stream(machine, doing, words, download.take, _LONGEST_FETCH)
        said, _ = _reply(machine, doing, replace(answer, stdout=download.head))
        if said == "absent":
            raise StepError(
                f"{doing} from {machine.name}: this run has no backup for {version} there (any more)",
                f"see /var/backups/upgrade-cp on {machine.name}; without --backup-to the run goes on",
            )
        if not said.startswith("sends "):
            raise _held(machine, doing, said, fence)
        if said != f"sends {download.size}":
            raise NodeUnreachableError(
                f"{doing} from {machine.name}: the node {said} bytes, {download.size} came", "run apply again"
            )
        return download.sha256

    async def release(self, machine: Machine, fence: Fence) -> None:
        doing = "releasing the node"
        await self.install(machine)  # an earlier release may have been cut short after it removed the helper
        said, _ = await self._helper(machine, doing, "release", *_words(fence))
        if said.startswith("busy "):
            raise _busy(machine, doing, said)
        if said.startswith(f"held {fence.run} "):
            raise _held(machine, doing, said, fence)

    async def close(self) -> None:
        await self._ssh.close()

    async def _helper(
        self, machine: Machine, doing: str, verb: str, *words: str, limit: float = 60
    ) -> tuple[str, bytes]:
        answer = await self._ssh.call(machine, doing, [self._helper_file, verb, *words], b"", limit)
        return _reply(machine, doing, answer)

    @property
    def _helper_file(self) -> str:
        return f"{self._base}/{self._bundle.name}/helper.sh"


def _fact(line: bytes) -> tuple[str, FactOutput]:
    name, _, encoded = line.removeprefix(_MARK).decode("ascii").partition(" ")
    printed = b64decode(encoded)
    if len(printed) >= _LONGEST_FACT:
        return name, FactOutput(1, f"it printed more than {_LONGEST_FACT} bytes")
    text, _, exit_code = printed.decode(errors="replace").rpartition("\n")
    return name, FactOutput(int(exit_code), text)


def _reply(machine: Machine, doing: str, answer: Answer) -> tuple[str, bytes]:
    """What the helper answered, and the bytes after that line."""
    _, mark, rest = (b"\n" + answer.stdout).partition(b"\n" + _MARK)
    line, newline, data = rest.partition(b"\n")
    if not mark or not newline:  # the machine went down under the call, or a login there ends something
        raise NodeUnreachableError(
            f"{doing} on {machine.name}: no answer came from the helper; it said: {last(answer.stderr)}",
            "run it again; if it stays so, see whether a login there ends something of its own",
        )
    return line.decode(errors="replace"), data


def _whole_lines(output: bytes) -> bytes:
    # a line that is cut comes whole with the next answer, unless one alone fills an answer
    return output[: output.rfind(b"\n") + 1] or (output if len(output) >= _LONGEST_OUTPUT else b"")


def _state(machine: Machine, doing: str, said: str) -> tuple[_State, int | None]:
    name, _, code = said.partition(" ")
    state: _State | None = next((known for known in get_args(_State) if known == name), None)
    if state is None or (state == "exited") is not code.isdecimal():
        raise AccessError(
            f"{doing} on {machine.name}: its record says {said!r}",
            f"see the unit's folder there: /var/lib/upgrade-cp/units/{doing.rpartition(' ')[2]}",
        )
    return state, int(code) if code else None


def _unit(unit: str) -> str:
    if not _UNIT.fullmatch(unit):
        raise ValueError(f"{unit!r} is no name of a unit")
    return unit


def _words(fence: Fence) -> tuple[str, str, str]:
    return fence.run, str(fence.epoch), fence.owner


def _held(machine: Machine, doing: str, said: str, fence: Fence) -> LockedError:
    holder = said.removeprefix("held ")
    if holder == "none":
        return LockedError(
            f"{doing} on {machine.name}: nobody holds the node; its fence was removed, so nothing may run there",
            f"was the run aborted elsewhere? {_WHO}",
        )
    run, _, rest = holder.partition(" ")
    epoch, _, _ = rest.partition(" ")
    if run == fence.run:
        return LockedError(
            f"{doing} on {machine.name}: this run was taken over (its epoch there is {epoch}, ours {fence.epoch})",
            f"leave the cluster to whoever took it over; {_WHO}. Where they are gone for good, go on with it: the same "
            f"plan with `--take-over {run[:8]}`, or end it: `kubectl upgrade-cp abort --run {run[:8]} PLAN`",
        )
    return LockedError(
        f"{doing} on {machine.name}: run {run} (epoch {epoch}) holds the node",
        f"let that run end or abort it where it was started; {_WHO}. If no lock names it, it was left behind: end "
        f"this run, if it has begun (`kubectl upgrade-cp abort`), then that one (`abort --run {run[:8]} PLAN`)",
    )


def _busy(machine: Machine, doing: str, said: str) -> StepError:
    unit = said.removeprefix("busy ")
    return StepError(
        f"{doing} on {machine.name}: {unit} still runs there",
        f"let it end (on {machine.name}: systemctl status {unit}), then run the command again",
    )
