"""What of the lab is on this machine: the proof that `down` leaves nothing."""

import shutil

from tests.lab import cgroups, disk, keys, network
from tests.lab.host import run
from tests.lab.place import Place


def listed(place: Place) -> dict[str, list[str]]:
    """List, by kind, everything outside the cache that belongs to the lab."""
    return {
        "mounts": [str(point) for point in disk.mounts(place.root)],
        "loops": disk.loops(place.root),
        "links": network.links(),
        "rules": network.rules(),
        "namespaces": network.namespaces(),
        "processes": [str(pid) for pid in sorted(cgroups.processes())],
        "cgroups": [str(folder) for folder in cgroups.folders()],
        "files": [str(place.lab)] if place.lab.exists() else [],
    }


def clear(place: Place) -> None:
    """Remove everything of the lab but the cache, whatever state a crash left it in."""
    cgroups.remove()
    keys.stop_agent(place)
    network.remove()
    disk.unmount_all(place.root)
    disk.detach_all(place.root)
    if place.lab.exists():
        run(["rm", "-rf", "--one-file-system", place.lab])


def clear_all(place: Place) -> None:
    """Remove the cache too."""
    clear(place)
    shutil.rmtree(place.root, ignore_errors=True)
