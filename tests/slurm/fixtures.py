"""Clusters as fixtures: `slurm_cluster` and, with sacct, `slurm_accounting_cluster`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.slurm.cgroups import can_make_cgroups
from tests.slurm.cluster import Cluster, missing_programs
from tests.slurm.configuration import Settings


def require_slurm(*, accounting: bool = False) -> None:
    """Skip without Slurm, unless LRDASH_REQUIRE_SLURM=1 asks for a failure instead."""
    missing = missing_programs(accounting=accounting)
    if not missing:
        return
    packages = "slurm-wlm munge" + (" slurmdbd mariadb-server" if accounting else "")
    reason = f"not installed: {', '.join(missing)}; to run this: apt-get install {packages}"
    if os.environ.get("LRDASH_REQUIRE_SLURM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def slurm_session_cluster() -> Iterator[Cluster]:
    """One cluster for all tests that leave it as they found it."""
    require_slurm()
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def slurm_cluster(slurm_session_cluster: Cluster) -> Iterator[Cluster]:
    """The shared cluster, with an empty queue before and after."""
    yield slurm_session_cluster
    slurm_session_cluster.cancel_all()


@pytest.fixture
def own_slurm_cluster() -> Iterator[Cluster]:
    """A cluster of this test alone, to stop and freeze; its clients give up after 2 seconds."""
    require_slurm()
    with Cluster(settings=Settings(message_timeout=2, nodes=1)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def slurm_accounting_session_cluster() -> Iterator[Cluster]:
    """One cluster with slurmdbd and its database; about four seconds to start."""
    require_slurm(accounting=True)
    with Cluster(settings=Settings(accounting=True)) as cluster:
        yield cluster


@pytest.fixture
def slurm_accounting_cluster(slurm_accounting_session_cluster: Cluster) -> Iterator[Cluster]:
    """The shared cluster whose sacct answers, with an empty queue afterwards."""
    yield slurm_accounting_session_cluster
    slurm_accounting_session_cluster.cancel_all()


@pytest.fixture
def slurm_memory_cluster() -> Iterator[Cluster]:
    """A cluster whose jobs run out of memory; needs cgroups of version 1 that this user may make."""
    require_slurm()
    if not can_make_cgroups():
        pytest.skip("no cgroup of version 1 can be made here; run as root where /sys/fs/cgroup/memory exists")
    prefix = f"oom{uuid.uuid4().hex[:6]}n"
    with Cluster(settings=Settings(cgroups=True, nodes=1, node_prefix=prefix)) as cluster:
        yield cluster
