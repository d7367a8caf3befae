"""A spec's nodes have addresses of their own, and a spec survives being written down."""

import pytest

from tests.lab.spec import Spec
from tests.lab.versions import Version


def test_every_address_and_pod_network_is_its_own() -> None:
    nodes = Spec(control_planes=10, workers=200).nodes
    assert len({node.address for node in nodes}) == len({node.pods for node in nodes}) == 210
    assert max(node.number for node in nodes) < 255


def test_a_spec_is_read_back_as_it_was_written() -> None:
    spec = Spec(1, 0, Version(1, 35, 4), (Version(1, 35, 5),), load_balancer=False)
    assert Spec.from_json(spec.to_json()) == spec


def test_the_endpoint_is_the_balancer_or_the_only_control_plane() -> None:
    assert Spec(1, 1).endpoint == "10.99.0.1:6443"
    assert Spec(1, 1, load_balancer=False).endpoint == "10.99.0.11:6443"


@pytest.mark.parametrize(("control_planes", "workers"), [(0, 1), (11, 0), (3, 201), (1, -1)])
def test_impossible_sizes_are_refused(control_planes: int, workers: int) -> None:
    with pytest.raises(ValueError, match="too few or too many"):
        Spec(control_planes, workers)


def test_several_control_planes_need_the_balancer() -> None:
    with pytest.raises(ValueError, match="load balancer"):
        Spec(3, 0, load_balancer=False)


def test_an_unknown_node_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no node w9; there are cp1, w1"):
        Spec(1, 1).node("w9")


def test_a_version_is_offered_once() -> None:
    assert Spec(also=(Spec().version, Version(1, 35, 4))).versions == (Spec().version, Version(1, 35, 4))
