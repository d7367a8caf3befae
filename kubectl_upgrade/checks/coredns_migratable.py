"""kubeadm can bring the Corefile to the CoreDNS that it installs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from kubectl_upgrade.checks.known_corefiles import KNOWN, NEWEST_KNOWN, PLUGINS, SHIPPED, written
from kubectl_upgrade.model.add_ons import AddOns, Broken, Corefile
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

Release: TypeAlias = tuple[int, int, int]

_TAG = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_EDIT = "kubectl -n kube-system edit cm coredns"


class CorednsMigratable:
    """`[ERROR CoreDNSUnsupportedPlugins]` after the nodes are prepared and the night is booked: a `template` in the
    Corefile is enough. And a CoreDNS that kubeadm's library has never heard of is worse: with both errors ignored, the
    last control plane's add-ons fail instead, when everything else is done (phases/addons/dns/dns.go,
    isCoreDNSConfigMapMigrationRequired), which is why that cannot be waived unless kubeadm is told to leave DNS alone.
    """

    NAME: ClassVar[str] = "coredns-migratable"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ("CoreDNSMigration", "CoreDNSUnsupportedPlugins")
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        answers = facts.add_ons
        found = answers.corefile if isinstance(answers, AddOns) else answers
        if isinstance(found, Unknown):
            yield Finding(Level.WARN, f"nobody knows whether kubeadm can migrate the Corefile: {found.reason}")
        elif isinstance(found, Broken):
            fix = f"put it right: {_EDIT}"
            yield Finding(
                Level.BLOCKER, f"kubeadm cannot read the ConfigMap coredns: {found.why}", fix=fix, waivable=False
            )
        elif found is None:
            yield _absent(disabled=facts.kubeadm_config.dns_disabled)
        elif isinstance(answers, AddOns):
            yield from _present(facts, aim, answers, found)


def _absent(*, disabled: bool) -> Finding:
    """The checks of kubeadm look for a CoreDNS whatever ClusterConfiguration says."""
    message = "there is no ConfigMap coredns, which kubeadm takes for a CoreDNS of an unknown version"
    if disabled:
        return Finding(Level.BLOCKER, message, fix="waive this: `dns: {disabled: true}` makes kubeadm leave DNS alone")
    fix = (
        "if another DNS serves this cluster, write `dns: {disabled: true}` into ClusterConfiguration (kubectl -n "
        "kube-system edit cm kubeadm-config), lest kubeadm install CoreDNS beside it; then waive this"
    )
    return Finding(Level.BLOCKER, message, fix=fix)


def _present(facts: Facts, aim: Aim, answers: AddOns, corefile: Corefile) -> Iterator[Finding]:
    images = answers.dns_images
    if isinstance(images, Unknown):
        yield Finding(Level.WARN, f"nobody knows which CoreDNS runs: {images.reason}")
        return
    if not corefile.closed:
        yield Finding(Level.BLOCKER, "the Corefile's braces do not match: no CoreDNS starts with it", fix=_EDIT)
    if len(images) != 1:
        yield Finding(
            Level.BLOCKER,
            f"{len(images)} Deployments in kube-system are labelled k8s-app=kube-dns, and kubeadm looks for one",
            fix="take the label from those that are not the cluster's CoreDNS" if images else "restore CoreDNS",
            waivable=facts.kubeadm_config.dns_disabled,
        )
        return
    # a patch is a hop as well, to a kubeadm of the same minor
    current = facts.kubeadm_config.kubernetes_version.minor
    lines = range(min(aim.target.minor, current + 1), aim.target.minor + 1)
    first = next(_judged(facts, images[0], corefile, lines[0]), None)
    if first is not None:
        yield first
        return
    # each kubeadm leaves the CoreDNS that it brings for the next one
    for line in lines[1:]:
        if SHIPPED.get(line) is None or SHIPPED.get(line) != SHIPPED.get(line - 1):
            later = next(_plugins(corefile, line, sure=line in SHIPPED), None)
            if later is not None:
                yield later
                return


def _judged(facts: Facts, image: str, corefile: Corefile, line: int) -> Iterator[Finding]:
    """Can the kubeadm of this minor go on from what runs?"""
    shipped = SHIPPED.get(line)
    release = _release(image)
    unknown = _unknown(release, shipped)
    if release is None or unknown:
        yield Finding(
            Level.BLOCKER,
            f"kubeadm v1.{line} cannot upgrade from CoreDNS {image}: {unknown or 'its tag is no version'}",
            fix="let the Deployment coredns run a release of CoreDNS that this kubeadm knows, by its plain tag",
            waivable=facts.kubeadm_config.dns_disabled,
        )
    elif release != shipped:
        yield from _plugins(corefile, line, sure=shipped is not None)


def _release(image: str) -> Release | None:
    """Of the tag, which may have a digest behind it."""
    found = _TAG.fullmatch(image.partition("@")[0].rpartition("/")[2].partition(":")[2])
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _unknown(release: Release | None, shipped: Release | None) -> str:
    if release is None or release == shipped:
        return ""
    if shipped is not None and release > shipped:
        return f"it brings {written(shipped)}, and no Corefile is migrated downwards"
    return "its migration knows no such release" if release <= NEWEST_KNOWN and release not in KNOWN else ""


def _plugins(corefile: Corefile, line: int, *, sure: bool) -> Iterator[Finding]:
    strange = sorted({plugin.name for plugin in corefile.plugins} - PLUGINS.keys())
    strange += sorted(
        {
            f"{plugin.name} {option}"
            for plugin in corefile.plugins
            if plugin.name in PLUGINS
            for option in plugin.options
            if not re.search(PLUGINS[plugin.name], option)
        }
    )
    if strange:
        yield Finding(
            Level.BLOCKER if sure else Level.WARN,
            f"kubeadm v1.{line} {'does not know' if sure else 'may not know'} how to migrate this in the Corefile: "
            f"{', '.join(strange)}",
            fix="compare it with the new CoreDNS's release notes, then waive this: kubeadm leaves it as it is",
        )
