"""What the lab tells haproxy, runc and ssh's users."""

from pathlib import Path

from tests.lab import keys, runc_spec, services
from tests.lab.place import Place
from tests.lab.spec import Spec


def test_the_balancer_asks_every_control_plane_whether_it_is_ready() -> None:
    text = services.balancer_config(Spec(3, 2))
    assert [line.split()[1:] for line in text.splitlines() if line.startswith("  server ")] == [
        ["cp1", "10.99.0.11:6443"],
        ["cp2", "10.99.0.12:6443"],
        ["cp3", "10.99.0.13:6443"],
    ]
    assert "option httpchk GET /readyz" in text


def test_a_node_brings_its_own_boot_id_and_lacks_one_capability() -> None:
    assert runc_spec.BOOT_ID in runc_spec.BOOT
    assert "CAP_SYS_ADMIN" in runc_spec.CAPABILITIES
    assert "CAP_SYS_RESOURCE" not in runc_spec.CAPABILITIES


def test_the_binds_lie_off_the_overlay() -> None:
    described = runc_spec.spec("w1", Path("/root"), {"/var/lib/kubelet": Path("/k")}, Path("/run/netns/n"), "/lab/w1")
    mounts = described["mounts"]
    assert isinstance(mounts, list)
    assert {"destination": "/var/lib/kubelet", "type": "bind", "source": "/k", "options": ["rbind", "rw"]} in mounts


def test_ssh_knows_every_host_by_name_and_address(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.keys.mkdir(parents=True)
    keys.write_ssh_files(place, Spec(1, 1))
    known = place.known_hosts.read_text().splitlines()
    assert [line.split()[0] for line in known] == ["cp1,10.99.0.11", "w1,10.99.0.21"]
    assert known[0].split()[2] != known[1].split()[2]
    assert "StrictHostKeyChecking yes" in place.ssh_config.read_text()
