"""What the campaign shares: a cluster, the data of real trainings, the table at its end."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.arena import TRAINING_EPOCHS, Training
from tests.slurm.cluster import Cluster
from tests.slurm.configuration import Settings
from tests.slurm.fixtures import require_slurm
from tests.trainer.trainings import train, words

HERE = Path(__file__).parent
TABLE = pytest.StashKey[dict[str, Counter[str]]]()


@pytest.fixture(scope="session")
def faults_cluster() -> Iterator[Cluster]:
    """One node, so that one urgent job preempts everything; clients give up after 2 seconds."""
    require_slurm()
    with Cluster(settings=Settings(message_timeout=2, nodes=1)) as cluster:
        yield cluster


@pytest.fixture
def ready_cluster(faults_cluster: Cluster) -> Cluster:
    """With its node at work, as an administrator would put it back after Slurm has drained it."""
    (node,) = faults_cluster.settings.node_names
    if "idle" not in (state := faults_cluster.run("sinfo", "-h", "-n", node, "-o", "%T")):
        faults_cluster.run("scontrol", "update", f"nodename={node}", "state=resume", check="drain" in state)
    return faults_cluster


@pytest.fixture(scope="session")
def training(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training that nothing happens to."""
    command = words(demo_data, num_train_epochs=TRAINING_EPOCHS)
    alone = train(command, tmp_path_factory.mktemp("reference"))
    results = json.loads((alone.folder / "results/run/all_results.json").read_text())
    return Training(demo_data, results)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "lrdash-faults", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no small disk: mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def table(request: pytest.FixtureRequest) -> dict[str, Counter[str]]:
    """Kind of fault -> how often it was injected, how often something was violated."""
    return request.config.stash.setdefault(TABLE, {})


def pytest_exception_interact(node: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A campaign takes long: what it finds is said at once."""
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and call.excinfo is not None and node.path.parent == HERE:
        reporter.write_line(f"\n{node.name}: {call.excinfo.exconly()}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    table = config.stash.get(TABLE, {})
    if not table:
        return
    terminalreporter.section("faults")
    total: Counter[str] = Counter()
    terminalreporter.write_line(
        f"{'kind':<20}{'injected':>10}{'trainings':>11}{'violated':>10}{'seconds':>9}"
    )
    for kind, counts in [*sorted(table.items()), ("all", total)]:
        row = (f"{counts[name]:>{width}}" for name, width in
               (("injected", 10), ("training", 11), ("violated", 10), ("seconds", 9)))  # fmt: skip
        terminalreporter.write_line(f"{kind:<20}{''.join(row)}")
        total += counts
