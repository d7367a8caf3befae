"""What a step is, and what the engine hands to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias

from kubectl_upgrade.model.facts import HostFacts
from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
from kubectl_upgrade.model.plan import ClusterConfiguration, ControlPlane, Plan, Pool, PoolNode
from kubectl_upgrade.world import Clock, Cluster, Machine, Nodes


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker together with its pool, which says how it is upgraded."""

    node: PoolNode
    pool: Pool

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def uid(self) -> str:
        return self.node.uid

    @property
    def address(self) -> str:
        return self.node.address

    @property
    def packages(self) -> str:
        return self.pool.packages

    @property
    def patches(self) -> str:
        return self.pool.patches


@dataclass(frozen=True, slots=True)
class WholeCluster:
    """The target of stages whose steps touch no single node."""

    name: str = "cluster"


@dataclass(frozen=True, slots=True)
class Managed(WholeCluster):
    """What controllers of the cluster roll out, node by node, when its version changes: no step of ours touches those
    nodes. No Node can be called `namespace:name`.
    """

    entry: MachineDeployment | ClusterTopology = field(kw_only=True)

    @classmethod
    def of(cls, entry: MachineDeployment | ClusterTopology) -> Managed:
        return cls(f"{entry.namespace}:{entry.name}", entry=entry)

    @property
    def uid(self) -> str:
        return self.entry.uid


NodeTarget: TypeAlias = ControlPlane | Worker
Target: TypeAlias = ControlPlane | Worker | WholeCluster


def machine(target: NodeTarget) -> Machine:
    """Where ssh finds the target."""
    return Machine(target.name, target.address)


@dataclass(frozen=True, slots=True)
class Action:
    """A file in node/actions with its positional arguments, and the seconds after which we stop waiting for it."""

    name: str
    args: tuple[str, ...]
    limit_seconds: int


class Act(Protocol):
    """Run one action detached on the step's node, or attach to it; StepError unless it exits 0."""

    async def __call__(self, action: Action) -> str: ...


class Answer(Protocol):
    """A condition: None when it holds, else what is still missing, in words for a person."""

    async def __call__(self) -> str | None: ...


class Until(Protocol):
    """Ask until the condition has held 3 times in a row; StepError with the last failure after the limit.

    An AccessError counts as a failure to answer, not as an end.
    """

    async def __call__(self, what: str, limit_seconds: int, answer: Answer, *, every_seconds: float = 1.0) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """All that a step may use."""

    plan: Plan
    target: Target
    run8: str
    """first 8 digits of the run id: value of the label on a node being worked on"""
    nodes: Nodes
    cluster: Cluster
    """every change through it is preceded by a fresh look at the lock"""
    clock: Clock
    act: Act
    until: Until
    say: Callable[[str], None]
    """one line of progress"""
    tell: Callable[[str], None]
    """one line that a person should see in any case"""

    @property
    def node(self) -> NodeTarget:
        """The target, which is a node: the plan's schema lets node steps stand on nodes only."""
        if isinstance(self.target, WholeCluster):
            raise TypeError(f"{self.target.name} is no node")
        return self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One idempotent thing done to one target. A subclass's fields are the plan's `with:`."""

    NAME: ClassVar[str]
    ON: ClassVar[str] = "node"
    """`node`, `cluster`, `machineDeployments` or `clusterTopologies`: where a stage may put it"""
    TITLE: ClassVar[str]
    """what a person reads: a short imperative"""
    UNDO: ClassVar[str | None] = None
    """how it is taken back, in words; None marks a point of no return or nothing to take back (WAITS)"""
    WAITS: ClassVar[bool] = False
    """a wait or a gate: changes nothing and runs again on every resume"""
    BEFORE_ACTIONS: ClassVar[bool] = False
    """goes through the API and prepares the target's actions: when those are done, it is not wanted any more"""
    HARMLESS: ClassVar[bool] = False
    """takes nothing away from its node and changes no pin: needs no gate, and many nodes may do it at once"""
    CHANGES: ClassVar[frozenset[str]] = frozenset()
    """pins of the plan that this step changes: kubelet, repository, manifests, …; `held` while it runs: it puts them
    back
    """

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action | None:
        """What runs on the node: a pure function of the fields, the node's entry and the cluster's configuration."""
        del target, configuration
        return None

    async def done(self, context: StepContext) -> bool:
        """Is the effect there already? An action is proved by its unit's record, so only API steps answer."""
        del context
        return False

    def contradiction(self, host: HostFacts) -> str | None:
        """What on the node shows that the effect of a finished action is not there (any more); None when nothing does.

        Facts can prove that an action is not done, never that it is.
        """
        del host
        return None

    def taken_back(self, host: HostFacts) -> bool:
        """Does the node say that a later action of this run has put the effect back? Then it is to be done again."""
        del host
        return False

    def by_hand(self, target: NodeTarget) -> str:
        """What a person would type on the node instead of the step's action; empty when nothing."""
        del target
        return ""

    async def run(self, context: StepContext) -> None:
        """Do it; by default, its action."""
        action = self.action(context.node, context.plan.cluster_configuration)
        if action is not None:
            await context.act(action)
