"""What holds a MachineDeployment's rollout: its Machines and their conditions, its MachineSets, else its controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.budgets import selector
from kubectl_upgrade.facts.forbidden import if_there
from kubectl_upgrade.facts.machine_trouble import trouble
from kubectl_upgrade.facts.rollout import rollout
from kubectl_upgrade.model.facts import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.world import Cluster, Json

_SHOWN = 5
# they say why there are not as many Machines as there should be; Cluster API's, the second line v1beta1's
_OF_SETS = {
    **dict.fromkeys(("ScalingUp", "ScalingDown", "RollingOut", "Remediating"), "True"),
    **dict.fromkeys(("MachinesCreated", "Resized"), "False"),
}


async def rollout_trouble(cluster: Cluster, api: str, deployment: Json) -> str:
    """Lines for a person, the Machines first; never empty."""
    lines: list[str] = []
    for raw in await machines_of(cluster, api, deployment):
        said = trouble(raw)
        if said:
            lines.append(f"Machine {_name(raw)}: {said}{await _last_warning(cluster, raw)}")
    sets = await _selected(cluster, api, "machinesets", deployment)
    for kind, raw in (*(("MachineSet", one) for one in sets), ("MachineDeployment", deployment)):
        lines += [f"{kind} {_name(raw)}: {said}" for said in _said_by_set(raw)]
    more = f"\n  and {len(lines) - _SHOWN} lines more" if len(lines) > _SHOWN else ""
    return "\n".join(f"  {line}" for line in lines[:_SHOWN] or _nobody(api, deployment)) + more


async def machines_of(cluster: Cluster, api: str, deployment: Json) -> tuple[Json, ...]:
    """Its Machines, old and new, those in trouble for the longest first; none when they may not be listed."""
    found = await _selected(cluster, api, "machines", deployment)
    return tuple(sorted(found, key=lambda raw: str(raw["metadata"].get("creationTimestamp", ""))))


async def _selected(cluster: Cluster, api: str, resource: str, deployment: Json) -> tuple[Json, ...]:
    selects = selector(deployment["spec"].get("selector"))
    path = f"/apis/{api}/namespaces/{deployment['metadata']['namespace']}/{resource}"

    def keep(raw: Json) -> Json | None:
        labels = raw["metadata"].get("labels") or {}
        return raw if selects(labels) else None

    found = await if_there(cluster.reduced(path, keep), f"list {resource}.{api.partition('/')[0]}")
    return () if found is None or isinstance(found, Unknown) else found


async def _last_warning(cluster: Cluster, machine: Json) -> str:
    """Machine-controller tells what may pass, such as a quota of the cloud, in events alone."""
    metadata = machine["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/events"
    fields = f"involvedObject.uid={metadata['uid']},type=Warning"
    events = await if_there(cluster.list(path, fields=fields), "list events")
    if not events or isinstance(events, Unknown):
        return ""
    newest = max(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return f"; last event {newest.get('reason', '')}: {' '.join(str(newest.get('message', '')).split())[:400]}"


def _said_by_set(raw: Json) -> Iterator[str]:
    status = raw.get("status") or {}
    for kind in ("error", "failure"):
        if status.get(f"{kind}Message"):
            yield f"{kind}Reason {status.get(f'{kind}Reason') or 'none'}: {status[f'{kind}Message']}"
    for one in status.get("conditions") or ():
        if one["status"] == _OF_SETS.get(one["type"]) and one.get("message"):
            yield f"{one['type']} {one['status']} ({one.get('reason', '')}): {' '.join(one['message'].split())}"


def _nobody(api: str, deployment: Json) -> list[str]:
    """Nothing complains: then nobody works, or all of it takes its time."""
    name = "machine-controller" if api.startswith("cluster.k8s.io/") else "Cluster API's controllers (capi-system)"
    if not rollout(deployment).observed:
        return [f"nobody has seen the new specification: do {name} run?"]
    return [f"no Machine says what it waits for: do {name}, and the provider's, run?"]


def _name(raw: Json) -> str:
    return f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"
