"""The lab's cluster, and one upgrade of it that many tests look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.figures import PRINTED
from tests.e2e.operator import FROM, TO
from tests.e2e.story import Story, upgrade
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After everything else, where a reader finds it."""
    for line in PRINTED:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A fresh 3 + 3 cluster at 1.34.4; 1.35.4 is offered to it."""
    lab = Lab(Spec(control_planes=3, workers=3, version=Version.parse(FROM), also=(Version.parse(TO),)))
    with lab.hold("the upgrade's tests"):
        lab.up()
        yield lab
        lab.down()


@pytest.fixture(scope="session")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The upgrade, run once."""
    return upgrade(lab, tmp_path_factory.mktemp("upgrade"))
