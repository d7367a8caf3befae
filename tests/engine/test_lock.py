"""The lock on the modelled API server alone: what it says, who may take it, who may change it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.lock import Claim, Holder
from kubectl_upgrade.model.errors import LockedError, PlanError
from kubectl_upgrade.model.names import LOCK_COLLECTION, LOCK_PATH
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Cluster, Fence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kubectl_upgrade.world import Json

T = TypeVar("T")
RUN, OTHER = "0badcafe" * 4, "deadbeef" * 4
PLAN = "sha256:" + "a" * 64


def claim(run: str = RUN, epoch: int = 1, nonce: str = "n", *, plan: str = PLAN) -> Claim:
    fence = Fence(run, epoch, lock.owner(nonce))
    return Claim(fence=fence, nonce=nonce, plan=plan, who=f"{nonce}@test", since="2026-01-01T00:00:00+00:00")


def on(story: Callable[[Cluster], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await story(simulated_world(sample(1, 0)).cluster)

    return loop.run(run())


class Meanwhile(Cluster):
    """Somebody else is faster than the first changes: each of them is preceded by one of `acts`."""

    def __init__(self, inner: Cluster, *acts: Callable[[Cluster], Awaitable[Any]]) -> None:
        self.inner, self.acts = inner, list(acts)
        self.changes = 0

    async def _somebody(self) -> None:
        self.changes += 1
        if self.acts:
            await self.acts.pop(0)(self.inner)

    async def get(self, path: str) -> Json:
        return await self.inner.get(path)

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        return await self.inner.list(path, labels=labels, fields=fields)

    async def reduced(
        self, path: str, keep: Callable[[Json], T | None], *, labels: str = "", fields: str = ""
    ) -> tuple[T, ...]:
        return await self.inner.reduced(path, keep, labels=labels, fields=fields)

    async def rehearse_create(self, path: str, body: Json) -> Json:
        return await self.inner.rehearse_create(path, body)

    async def rehearse_patch(self, path: str, body: Json) -> Json:
        return await self.inner.rehearse_patch(path, body)

    async def create(self, path: str, body: Json) -> Json:
        await self._somebody()
        return await self.inner.create(path, body)

    async def patch(self, path: str, body: Json) -> Json:
        await self._somebody()
        return await self.inner.patch(path, body)

    async def delete(self, path: str, *, uid: str, version: str = "") -> None:
        await self._somebody()
        await self.inner.delete(path, uid=uid, version=version)

    async def close(self) -> None:
        await self.inner.close()


async def touch(cluster: Cluster) -> None:
    await cluster.patch(LOCK_PATH, {"metadata": {"annotations": {"x": (await lock.holder(cluster)).version}}})  # type: ignore[union-attr]


def test_nobody_holds_it() -> None:
    assert on(lock.holder) is None


def test_it_says_who_holds_it() -> None:
    async def story(cluster: Cluster) -> tuple[Holder, Holder | None, Json]:
        taken = await lock.take(cluster, claim(), create=True)
        return taken, await lock.holder(cluster), await cluster.get(LOCK_PATH)

    taken, found, lease = on(story)
    assert taken == found
    hashed = hashlib.sha256(b"n").hexdigest()
    assert (found.who, found.run, found.epoch, found.plan) == ("n@test", RUN, 1, PLAN)
    assert (found.since, found.step, found.paused, found.ending) == ("2026-01-01T00:00:00+00:00", "", (), "")
    assert (found.nonce_hash, lock.owner("n")) == (hashed, hashed[:16])
    assert str(found) == "run 0badcafe of n@test since 2026-01-01T00:00:00+00:00 (plan sha256:aaaaaaaaaaaa)"
    assert (lease["apiVersion"], lease["kind"]) == ("coordination.k8s.io/v1", "Lease")
    assert lease["metadata"]["namespace"] == "kube-system"
    assert lease["spec"] == {"holderIdentity": "n@test"}
    # nothing of the nonce itself
    assert set(lease["metadata"]["annotations"].values()) == {RUN, "1", PLAN, hashed, "2026-01-01T00:00:00+00:00"}


def test_a_lease_of_somebody_elses_making_is_somebodys() -> None:
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "upgrade-cp", "namespace": "kube-system"},
    }

    async def story(cluster: Cluster) -> Holder | None:
        await cluster.create(LOCK_COLLECTION, body)
        return await lock.holder(cluster)

    found = on(story)
    assert (found.who, found.run, found.epoch, found.plan) == ("somebody", "", 0, "unknown")
    assert (found.since, found.step, found.nonce_hash, found.paused, found.ending) == ("unknown", "", "", (), "")


@pytest.mark.parametrize("epoch", ["x", "-1", "", "1.5"])
def test_an_epoch_that_is_no_number_is_none(epoch: str) -> None:
    async def story(cluster: Cluster) -> Holder | None:
        await lock.take(cluster, claim(), create=True)
        await cluster.patch(LOCK_PATH, {"metadata": {"annotations": {"upgrade-cp/epoch": epoch}}})
        return await lock.holder(cluster)

    assert on(story).epoch == 0


def test_who_holds_it_may_take_it_again() -> None:
    async def story(cluster: Cluster) -> bool:
        first = await lock.take(cluster, claim(), create=True)
        return await lock.take(cluster, claim(), create=False) == first

    assert on(story)


@pytest.mark.parametrize(
    ("second", "error", "says"),
    [
        (claim(OTHER), LockedError, "the cluster is locked by run 0badcafe of n@test"),
        (claim(OTHER, epoch=9), LockedError, "the cluster is locked by run 0badcafe"),
        (claim(nonce="m"), LockedError, "the cluster is locked by run 0badcafe"),
        (claim(plan="sha256:" + "b" * 64), PlanError, "begun with another plan"),
        (claim(epoch=2, plan="sha256:" + "b" * 64), PlanError, "begun with another plan"),
    ],
    ids=["another run", "a later epoch of it", "another owner of the epoch", "another plan", "that takes over"],
)
def test_it_is_never_overwritten(second: Claim, error: type[Exception], says: str) -> None:
    async def story(cluster: Cluster) -> None:
        first = await lock.take(cluster, claim(), create=True)
        with pytest.raises(error, match=says) as refused:
            await lock.take(cluster, second, create=True)
        assert "0badcafe" in str(getattr(refused.value, "fix", "")) or error is PlanError
        assert await lock.holder(cluster) == first

    on(story)


def test_a_later_epoch_of_the_run_takes_it_over() -> None:
    async def story(cluster: Cluster) -> Holder:
        await lock.take(cluster, claim(), create=True)
        await lock.note_step(cluster, claim().fence, "v1.35.4/workers/w1")
        taken = await lock.take(cluster, claim(epoch=2, nonce="m"), create=False)
        with pytest.raises(LockedError, match="taken over by run 0badcafe of m@test"):
            await lock.demand(cluster, claim().fence)
        for late in (lock.note_step, lock.note_pause, lock.note_ending):
            with pytest.raises(LockedError, match="taken over"):
                await late(cluster, claim().fence, "x")
        with pytest.raises(LockedError, match="taken over"):
            await lock.release(cluster, claim().fence)
        with pytest.raises(LockedError):
            await lock.take(cluster, claim(epoch=2, nonce="o"), create=False)
        with pytest.raises(LockedError):
            await lock.take(cluster, claim(epoch=1, nonce="n"), create=False)
        return taken

    taken = on(story)
    assert (taken.who, taken.epoch, taken.step) == ("m@test", 2, "v1.35.4/workers/w1")
    assert str(taken).endswith("at v1.35.4/workers/w1 (plan sha256:aaaaaaaaaaaa)")


def test_one_that_was_there_and_is_gone_is_not_made_anew() -> None:
    async def story(cluster: Cluster) -> None:
        with pytest.raises(LockedError, match="run 0badcafe was ended elsewhere") as ended:
            await lock.take(cluster, claim(), create=False)
        assert ended.value.fix == "run apply again: it looks anew"
        assert await lock.holder(cluster) is None

    on(story)


def test_whoever_is_slower_looks_again() -> None:
    async def story(cluster: Cluster) -> None:
        slower = Meanwhile(cluster, lambda inner: lock.take(inner, claim(), create=True))
        with pytest.raises(LockedError, match="locked by run 0badcafe"):
            await lock.take(slower, claim(OTHER), create=True)
        slower = Meanwhile(cluster, touch)
        assert (await lock.take(slower, claim(epoch=2, nonce="m"), create=False)).epoch == 2
        assert slower.changes == 2
        fence = claim(epoch=2, nonce="m").fence
        slower = Meanwhile(cluster, touch, touch)
        await lock.note_step(slower, fence, "s")
        assert slower.changes == 3
        slower = Meanwhile(cluster, touch)
        await lock.release(slower, fence)
        assert slower.changes == 2
        assert await lock.holder(cluster) is None

    on(story)


def test_a_lock_that_changes_all_the_time_is_given_up() -> None:
    async def story(cluster: Cluster) -> int:
        await lock.take(cluster, claim(), create=True)
        slower = Meanwhile(cluster, *[touch] * 99)
        with pytest.raises(LockedError, match="changes all the time"):
            await lock.take(slower, claim(epoch=2, nonce="m"), create=False)
        return slower.changes

    assert on(story) == 20


def test_what_is_noted_in_it_stays() -> None:
    async def story(cluster: Cluster) -> Holder:
        await lock.take(cluster, claim(), create=True)
        fence = claim().fence
        for pause in ("a/b", "c/d", "a/b"):
            await lock.note_pause(cluster, fence, pause)
        await lock.note_step(cluster, fence, "one")
        await lock.note_step(cluster, fence, "two")
        await lock.note_ending(cluster, fence, "aborted")
        return await lock.demand(cluster, fence)

    found = on(story)
    assert (found.paused, found.step, found.ending, found.who) == (("a/b", "c/d"), "two", "aborted", "n@test")


@pytest.mark.parametrize(
    "fence", [Fence(RUN, 1, "0" * 16), Fence(RUN, 2, lock.owner("n")), Fence(OTHER, 1, lock.owner("n"))]
)
def test_only_its_own_fence_has_it(fence: Fence) -> None:
    async def story(cluster: Cluster) -> None:
        await lock.take(cluster, claim(), create=True)
        with pytest.raises(LockedError, match="taken over"):
            await lock.demand(cluster, fence)

    on(story)


def test_one_that_somebody_deleted_is_demanded_in_vain_and_released_in_peace() -> None:
    async def story(cluster: Cluster) -> None:
        fence = claim().fence
        with pytest.raises(LockedError, match="is gone: someone deleted Lease"):
            await lock.demand(cluster, fence)
        await lock.release(cluster, fence)
        await lock.take(cluster, claim(), create=True)
        vanishing = Meanwhile(cluster, lambda inner: lock.release(inner, fence))
        await lock.release(vanishing, fence)
        assert await lock.holder(cluster) is None

    on(story)


def test_another_lease_of_the_name_is_not_deleted() -> None:
    """Between the look and the delete somebody has made it anew."""

    async def anew(cluster: Cluster) -> None:
        await lock.release(cluster, claim().fence)
        await lock.take(cluster, claim(OTHER, nonce="m"), create=True)

    async def story(cluster: Cluster) -> None:
        await lock.take(cluster, claim(), create=True)
        with pytest.raises(LockedError, match="taken over by run deadbeef"):
            await lock.release(Meanwhile(cluster, anew), claim().fence)
        found = await lock.holder(cluster)
        assert found is not None
        assert found.run == OTHER

    on(story)
