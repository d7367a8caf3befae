"""What makes a plan safe, whoever wrote it: every plan is held against these before a node is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.planfile.invariants.endpoint import (
    kubelets_return_from_the_endpoint,
    the_endpoint_serves_kubelets,
)
from kubectl_upgrade.planfile.invariants.etcd_way import etcd_moves_a_little, etcd_moves_under_a_pin
from kubectl_upgrade.planfile.invariants.identity import (
    addresses_are_real,
    etcd_is_of_one_kind,
    managed_names_are_unique,
    names_are_unique,
)
from kubectl_upgrade.planfile.invariants.layout import lay_out
from kubectl_upgrade.planfile.invariants.order import (
    control_planes_all_get_kubeadm,
    kubeadm_apply_leads,
    kubelets_follow_control_planes,
    nodes_are_upgraded_once,
    rollouts_follow_control_planes,
    skipped_clean_ups_are_made_up,
    what_runs_is_installed_first,
    worker_kubelets_follow_kubeadm,
)
from kubectl_upgrade.planfile.invariants.pairs import (
    kubelets_change_on_drained_nodes,
    nodes_are_marked,
    pairs_are_closed,
    steps_have_their_waits,
    wait_etcd_counts_all,
)
from kubectl_upgrade.planfile.invariants.stages import (
    backups_are_of_members,
    drain_limits_have_drains,
    many_at_once_is_safe,
    names_are_unique_in_stages,
    skipped_nodes_are_workers,
    steps_stand_where_they_belong,
    targets_exist,
    windows_open,
)
from kubectl_upgrade.planfile.invariants.versions import (
    control_planes_are_in_reach,
    hops_are_single_minors,
    hops_lead_to_the_target,
    kubelets_keep_up,
    steps_name_the_hop,
)
from kubectl_upgrade.planfile.invariants.waivers import ignored_errors_are_waived, waivers_are_allowed
from kubectl_upgrade.planfile.problem import Problem

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan

INVARIANTS = (
    names_are_unique,
    managed_names_are_unique,
    addresses_are_real,
    etcd_is_of_one_kind,
    hops_lead_to_the_target,
    hops_are_single_minors,
    control_planes_are_in_reach,
    steps_name_the_hop,
    kubelets_keep_up,
    names_are_unique_in_stages,
    targets_exist,
    steps_stand_where_they_belong,
    backups_are_of_members,
    many_at_once_is_safe,
    windows_open,
    drain_limits_have_drains,
    skipped_nodes_are_workers,
    kubeadm_apply_leads,
    control_planes_all_get_kubeadm,
    nodes_are_upgraded_once,
    what_runs_is_installed_first,
    kubelets_follow_control_planes,
    rollouts_follow_control_planes,
    worker_kubelets_follow_kubeadm,
    skipped_clean_ups_are_made_up,
    steps_have_their_waits,
    wait_etcd_counts_all,
    pairs_are_closed,
    nodes_are_marked,
    kubelets_change_on_drained_nodes,
    kubelets_return_from_the_endpoint,
    the_endpoint_serves_kubelets,
    etcd_moves_under_a_pin,
    etcd_moves_a_little,
    waivers_are_allowed,
    ignored_errors_are_waived,
)

# steps times targets over all hops: 10,000 nodes over five hops have half of this
MAX_WORK = 1_000_000


def check(plan: Plan) -> list[Problem]:
    """Every broken invariant, each with the place in the plan that breaks it; none for a plan that may be applied."""
    layout = lay_out(plan)
    if sum(len(stage.targets) * len(stage.stage.steps) for stage in layout.stages) > MAX_WORK:
        return [Problem(("hops",), f"more than {MAX_WORK} steps in all", "split the plan")]
    return list(dict.fromkeys(problem for invariant in INVARIANTS for problem in invariant(layout)))
