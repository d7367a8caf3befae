"""The action backup-etcd: with the lab's real etcd where it has been built, and around it with a stand-in for one."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e import recovery
from tests.lab.place import Place
from tests.node.conftest import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.node.conftest import Machine

BACKUPS = "/var/backups/upgrade-cp"
PLACE = f"{BACKUPS}/0123-v1.35.4"
URL = "https://127.0.0.1:23790"
MANIFEST = f"    - --advertise-client-urls={URL}\n"
CERTIFICATES = """
mkdir -p /etc/kubernetes/pki/etcd && cd /etc/kubernetes/pki/etcd
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
$new -subj /CN=etcd-ca -keyout ca.key -out ca.crt
for name in server healthcheck-client; do
    $new -subj /CN=$name -addext subjectAltName=IP:127.0.0.1 -CA ca.crt -CAkey ca.key -keyout $name.key -out $name.crt
done
"""
ETCD = f"""
echo up
exec etcd --data-dir /var/lib/etcd --advertise-client-urls={URL} --listen-client-urls={URL} \
    --listen-peer-urls=http://127.0.0.1:23800 --initial-advertise-peer-urls=http://127.0.0.1:23800 \
    --initial-cluster=default=http://127.0.0.1:23800 --client-cert-auth --log-outputs=/etcd.log \
    --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt --cert-file=/etc/kubernetes/pki/etcd/server.crt \
    --key-file=/etc/kubernetes/pki/etcd/server.key
"""
ETCDCTL = f"""etcdctl --endpoints {URL} --cacert /etc/kubernetes/pki/etcd/ca.crt \
    --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key"""
# says what etcd would say where only our own bookkeeping is looked at
STAND_INS = {
    "etcdctl": """#!/bin/sh
case "$*" in
    *"endpoint status"*) cat /says ;;
    *"snapshot save "*) for last; do :; done; echo snapshot >"$last" ;;
esac
""",
    "etcdutl": """#!/bin/sh
echo '{"hash":7,"revision":9,"totalKey":3,"totalSize":4096}'
""",
}


def put(machine: Machine, path: str, text: str) -> None:
    file = machine.file(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def says(machine: Machine, size: int = 4096, revision: int = 9) -> None:
    """What the stand-in says of its database."""
    put(machine, "/says", f'[{{"Status":{{"header":{{"revision":{revision}}},"dbSize":{size},"dbSizeInUse":1}}}}]\n')


@contextmanager
def running(machine: Machine, script: str) -> Iterator[None]:
    with subprocess.Popen(machine.command("/bin/sh", "-c", script), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield
        process.kill()


@pytest.fixture
def node(bare: Machine) -> Machine:
    bare.must("rm -rf /var/backups /etc/kubernetes /var/lib/kubelet")
    put(bare, "/etc/kubernetes/manifests/etcd.yaml", MANIFEST)
    put(bare, "/etc/kubernetes/pki/ca.crt", "certificate\n")
    put(bare, "/etc/kubernetes/tmp/kubeadm-backup-etcd-1/db", "large")
    put(bare, "/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n")
    return bare


@pytest.fixture
def etcd(node: Machine) -> Iterator[Machine]:
    """A node with a stand-in for etcd."""
    for name, text in (*STAND_INS.items(), ("sleep", "#!/bin/sh\n[ ! -e /on-sleep ] || . /on-sleep\n")):
        put(node, f"/usr/local/bin/{name}", text)
    put(node, "/opt/etcd", "#!/bin/sh\necho up\n/bin/sleep 60\n")
    says(node)
    with running(node, f"exec /opt/etcd --advertise-client-urls={URL}"):
        yield node


def test_what_is_only_a_link_is_no_backup(etcd: Machine) -> None:
    etcd.must("mv /etc/kubernetes/pki /elsewhere && ln -s /elsewhere /etc/kubernetes/pki")
    done = etcd.act("backup-etcd", "v1.35.4")
    assert done.code == 1
    assert "etc/kubernetes/pki/ca.crt is not in the backup" in done.text
    etcd.must("rm /etc/kubernetes/pki && mv /elsewhere /etc/kubernetes/pki")


def test_a_real_etcd_is_saved_and_can_be_restored(node: Machine) -> None:
    built = sorted(Place.default().cache.glob("etcd-v*/etcd"))
    if not built:
        pytest.skip("the lab has not built an etcd yet")
    node.must("rm -rf /var/lib/etcd && mkdir /var/lib/etcd")
    _use(node, built[0].parent)
    node.must(CERTIFICATES)
    with running(node, ETCD):
        node.must(f"for try in 1 2 3 4 5; do {ETCDCTL} endpoint health && exit; done; cat /etcd.log; exit 1")
        node.must(f"{ETCDCTL} put before yes")
        done = node.act("backup-etcd", "v1.35.4")
        node.must(f"{ETCDCTL} put after yes")
        node.must("pkill -KILL -x etcd")
    assert done.code == 0, done.text
    assert "snapshot of etcd: hash " in done.text
    assert ", revision 2, 1 keys, " in done.text
    node.must("rm -rf /var/lib/etcd/member")
    url = "http://127.0.0.1:23800"
    flags = f"--name=default --initial-advertise-peer-urls={url}"
    put(node, "/etc/kubernetes/manifests/etcd.yaml", "".join(f"    - {flag}\n" for flag in flags.split()))
    restore = next(block.text for block in recovery.blocks() if "snapshot restore" in block.text)
    node.must(f"BACKUP=0123-v1.35.4; CLUSTER=default={url}; cp {PLACE}/etcd.db /root/etcd.db; set -e\n{restore}")
    with running(node, ETCD):
        node.must(f"for try in 1 2 3 4 5; do {ETCDCTL} endpoint health && exit; done; cat /etcd.log; exit 1")
        assert node.must(f"{ETCDCTL} get before --print-value-only; {ETCDCTL} get after --print-value-only") == "yes\n"


def _use(machine: Machine, built: Path) -> None:
    for name in ("etcd", "etcdctl", "etcdutl"):
        machine.must(f"ln -sf {built}/{name} /usr/local/bin/{name}")


def test_it_is_closed_to_others_summed_and_without_what_kubeadm_keeps(etcd: Machine) -> None:
    done = etcd.act("backup-etcd", "v1.35.4")
    assert done.code == 0, done.text
    modes = etcd.must(f"stat -c '%a %U %n' {BACKUPS} {PLACE} {PLACE}/*")
    assert modes.splitlines() == [
        f"700 root {BACKUPS}",
        f"700 root {PLACE}",
        f"600 root {PLACE}/SHA256SUMS",
        f"600 root {PLACE}/etcd.db",
        f"700 root {PLACE}/etcdutl",
        f"600 root {PLACE}/kubernetes.tar",
    ]
    assert etcd.must("stat -c %a /var/backups").strip() == "755"
    sums = etcd.must(f"cat {PLACE}/SHA256SUMS").splitlines()
    assert [line for line in done.text.splitlines() if line.startswith("sha256 ")] == [
        f"sha256 {line}" for line in sums
    ]
    assert "holds every Secret of the cluster" in done.text
    files = etcd.must(f"tar -tf {PLACE}/kubernetes.tar").split()
    assert "etc/kubernetes/manifests/etcd.yaml" in files
    assert "var/lib/kubelet/config.yaml" in files
    assert not any("tmp" in file for file in files)
    assert etcd.must(f"ls {BACKUPS}").split() == ["0123-v1.35.4"]


def test_a_second_time_it_is_there_already(etcd: Machine) -> None:
    first = etcd.act("backup-etcd", "v1.35.4")
    at = etcd.must(f"stat -c %Y.%i {PLACE}/etcd.db")
    put(etcd, "/says", "nothing is asked any more")
    second = etcd.act("backup-etcd", "v1.35.4")
    assert second.code == 0, second.text
    assert f"saved and verified already: {PLACE}" in second.text
    assert second.text.splitlines()[-4:] == first.text.splitlines()[-4:]
    assert etcd.must(f"stat -c %Y.%i {PLACE}/etcd.db") == at


def test_one_that_is_damaged_or_was_cut_short_is_made_anew(etcd: Machine) -> None:
    etcd.must(f"mkdir -p -m 700 {BACKUPS} && mkdir {PLACE} {PLACE}.partial && touch {PLACE}.partial/etcd.db")
    assert etcd.act("backup-etcd", "v1.35.4").code == 0
    etcd.must(f"echo more >>{PLACE}/etcd.db")
    done = etcd.act("backup-etcd", "v1.35.4")
    assert done.code == 0, done.text
    assert "etcd.db: FAILED" in done.text
    assert etcd.must(f"cat {PLACE}/etcd.db; ls {BACKUPS}") == "snapshot\n0123-v1.35.4\n"


def test_backups_of_others_stay_and_are_told(etcd: Machine) -> None:
    other = f"{BACKUPS}/ffff-v1.34.9"
    etcd.must(f"mkdir -p -m 700 {BACKUPS} && mkdir {other} && head -c 3000000 /dev/zero >{other}/etcd.db")
    done = etcd.act("backup-etcd", "v1.35.4")
    assert f"older backups in {BACKUPS} occupy 3 MiB" in done.text
    assert etcd.must(f"ls {BACKUPS}").split() == ["0123-v1.35.4", "ffff-v1.34.9"]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        ("printf '#!/bin/sh\necho refused; exit 1\n' >/usr/local/bin/etcdctl", "etcdctl endpoint status: refused"),
        ("rm /etc/kubernetes/manifests/etcd.yaml", "no /etc/kubernetes/manifests/etcd.yaml on this node"),
        ("sed -i s/23790/23791/ /etc/kubernetes/manifests/etcd.yaml", "etcd is not running: no process advertises"),
        (f"mkdir -p {BACKUPS} && chmod 755 {BACKUPS}", f"{BACKUPS} must belong to root and be closed to others (0700)"),
        (
            f"mkdir -p /var/backups && ln -s /tmp {BACKUPS}",
            f"{BACKUPS} must belong to root and be closed to others (0700)",
        ),
        ("rm /usr/local/bin/etcdutl", "etcd's image has no etcdutl"),
        ("echo nonsense >/says", "etcd did not say how large it is: nonsense"),
        ("printf '#!/bin/sh\necho broken; exit 1\n' >/usr/local/bin/etcdutl", "etcdutl snapshot status: broken"),
        (
            "printf '#!/bin/sh\necho no room; exit 2\n' >/usr/local/bin/tar; chmod 755 /usr/local/bin/tar",
            "tar of etc/kubernetes",
        ),
    ],
)
def test_when_it_fails_nothing_bears_the_name_of_a_backup(etcd: Machine, break_it: str, said: str) -> None:
    etcd.must(break_it)
    done = etcd.act("backup-etcd", "v1.35.4")
    assert done.code == 1, done.text
    assert f"Failed: {said}" in done.text
    assert done.text.splitlines()[-1].startswith("What to do: ")
    assert not etcd.file(PLACE).exists()
    assert not etcd.file(f"{PLACE}.partial").exists()


def test_an_etcd_that_comes_later_is_waited_for(etcd: Machine) -> None:
    """As after a reboot: the manifest names no process yet, and does at the second look."""
    etcd.must("sed -i s/23790/23791/ /etc/kubernetes/manifests/etcd.yaml")
    put(etcd, "/on-sleep", "sed -i s/23791/23790/ /etc/kubernetes/manifests/etcd.yaml\n")
    done = etcd.act("backup-etcd", "v1.35.4")
    assert done.code == 0, done.text
    assert done.text.startswith("waiting for etcd: etcd is not running: no process advertises ")


def test_without_room_nothing_is_written(etcd: Machine) -> None:
    says(etcd, size=10**15)
    done = etcd.act("backup-etcd", "v1.35.4")
    assert done.code == 1
    assert re.search(rf"Failed: a backup needs 19073486\d\d MiB in {BACKUPS}, \d+ are free", done.text)
    assert "make room there on this node" in done.text
    assert etcd.must(f"ls {BACKUPS}") == ""


def test_a_snapshot_that_is_older_than_the_member_is_none(etcd: Machine) -> None:
    says(etcd, revision=10)
    done = etcd.act("backup-etcd", "v1.35.4")
    assert done.code == 1
    assert "the snapshot is not etcd's (revision 10 before it)" in done.text


@pytest.mark.parametrize("version", ["1.35.4", "v1.35", "v1.35.4/..", "''", "'v1.35.4 x'"])
def test_a_version_is_a_version(node: Machine, version: str) -> None:
    done = node.act("backup-etcd", version)
    assert (done.code, done.text.startswith("Refused: VERSION may not be ")) == (2, True)


def test_the_run_is_one_of_ours(node: Machine) -> None:
    done = node.run(f"env UPGRADE_CP_KEEP={KEEP}/../../x /bin/sh /srv/actions/backup-etcd.sh v1.35.4")
    assert (done.code, done.text.startswith("Refused: RUN may not be ")) == (2, True)
