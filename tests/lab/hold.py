"""Hold the lab for longer than one command: meanwhile nobody else's command may change it."""

import fcntl
import uuid
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError

# Whoever inherits it belongs to the holder: the same process, and the commands that it starts.
VARIABLE = "UPGRADE_CP_LAB_HOLD"


@contextmanager
def hold(file: Path, who: str, environment: MutableMapping[str, str]) -> Iterator[None]:
    """Hold the lab; the hold ends with the context, or with the process, and never by time."""
    file.touch()
    with file.open("r+") as held:
        if not _locked(held.fileno()):
            raise LabError(_held_by(file))
        token = uuid.uuid4().hex
        held.truncate()
        held.write(f"{token}\n{who}\n")
        held.flush()
        environment[VARIABLE] = token
        try:
            yield
        finally:
            del environment[VARIABLE]
            held.seek(0)
            held.truncate()


def refuse_if_held(file: Path, environment: MutableMapping[str, str]) -> None:
    """Raise if somebody else holds the lab."""
    if not file.exists():
        return
    with file.open() as looked:
        if _locked(looked.fileno()):
            return
    token = environment.get(VARIABLE)
    if token is None or file.read_text().split("\n")[0] != token:
        raise LabError(_held_by(file))


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held_by(file: Path) -> str:
    who = file.read_text().split("\n")[1:2]
    return f"the lab is held by {who[0] if who else 'somebody'}; wait until it is free ({file})"
