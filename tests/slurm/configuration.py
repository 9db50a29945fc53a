"""slurm.conf and its companions for a cluster without systemd, cgroups or packaged service users."""

from __future__ import annotations

import functools
import getpass
import os
import random
import re
import shutil
import socket
import stat
import string
import subprocess
from dataclasses import dataclass
from pathlib import Path

GPUS = 8
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
PORTS = range(20000, 32000)  # below the range that Linux gives to outgoing connections

SLURM_CONF = string.Template("""\
ClusterName=$name
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
# A requeued job waits cred_expire + 1 s; the default is 120 s, 5 the least that is taken.
AuthInfo=socket=$directory/munge/socket,cred_expire=5
SlurmctldPort=$controller_port
SlurmctldPidFile=$directory/slurmctld.pid
SlurmdPidFile=$directory/slurmd.%n.pid
SlurmctldLogFile=$directory/log/slurmctld.log
SlurmdLogFile=$directory/log/slurmd.%n.log
StateSaveLocation=$directory/state
SlurmdSpoolDir=$directory/spool.%n
ProctrackType=$process_tracking
TaskPlugin=$task_plugin
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
# Believe this file, not the machine: jobs of 200 GB run on a laptop.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
MailProg=/bin/true
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,max_array_tasks=100000
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MaxArraySize=100001
MaxJobCount=200000
MinJobAge=$min_job_age
KillWait=1
OverTimeLimit=0
InactiveLimit=0
SlurmctldTimeout=10
SlurmdTimeout=30
MessageTimeout=$message_timeout
TCPTimeout=2
$accounting
$nodes
PartitionName=ailab Nodes=ALL Default=YES MaxTime=7-0 DefaultTime=01:00:00 DefMemPerCPU=4000 PriorityTier=1
PartitionName=debug Nodes=$first_node MaxTime=00:30:00 DefaultTime=00:05:00 DefMemPerCPU=2000 PriorityTier=1
PartitionName=down Nodes=$first_node MaxTime=01:00:00 State=DOWN
PartitionName=tiny Nodes=$first_node MaxTime=00:05:00 MaxNodes=1
PartitionName=urgent Nodes=ALL MaxTime=01:00:00 DefMemPerCPU=4000 PriorityTier=10
$extra
""")

NODE = string.Template(
    "NodeName=$node NodeAddr=127.0.0.1 NodeHostname=$host Port=$port CPUs=64 Boards=1 SocketsPerBoard=2"
    " CoresPerSocket=32 ThreadsPerCore=1 RealMemory=2000000 Gres=gpu:h200:$gpus State=UNKNOWN\n"
)

# AccountingStoragePass is the munge socket towards slurmdbd; AuthInfo is not asked there.
ACCOUNTING = string.Template("""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$database_port
AccountingStoragePass=$directory/munge/socket
AccountingStorageTRES=gres/gpu
""")

CGROUP_CONF = """\
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=yes
"""

SLURMDBD_CONF = string.Template("""\
AuthType=auth/munge
AuthInfo=socket=$directory/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$database_port
SlurmUser=$user
LogFile=$directory/log/slurmdbd.log
PidFile=$directory/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=accounting
""")


@dataclass(frozen=True)
class Settings:
    """What differs between the clusters that tests ask for."""

    accounting: bool = False
    nodes: int = 2
    min_job_age: int = 300
    """Seconds that a finished job stays visible to squeue."""
    message_timeout: int = 10
    """Seconds after which a client gives up on a frozen controller."""
    cgroups: bool = False
    """Enforce memory limits by cgroups (version 1), so that jobs can run out of memory."""
    node_prefix: str = "node"
    """Clusters with cgroups need names of their own: the cgroup of a node is called after it."""
    extra: str = ""
    """Further lines of slurm.conf."""

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(f"{self.node_prefix}{number:02}" for number in range(1, self.nodes + 1))


def find_program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}")


@functools.cache
def slurm_version() -> tuple[int, ...]:
    """(22, 5, 8) for `slurm-wlm 22.05.8`."""
    answer = subprocess.run([find_program("slurmctld") or "slurmctld", "-V"], capture_output=True, text=True)
    return tuple(int(number) for number in re.findall(r"\d+", answer.stdout))


def write_configuration(directory: Path, name: str, settings: Settings) -> None:
    """Write all files that the daemons of cluster `name` read."""
    host = socket.gethostname().partition(".")[0]
    controller, database, *nodes = _free_ports(2 + settings.nodes)
    values = {
        "name": name,
        "host": host,
        "user": getpass.getuser(),
        "directory": str(directory),
        "controller_port": str(controller),
        "database_port": str(database),
        "min_job_age": str(settings.min_job_age),
        "message_timeout": str(settings.message_timeout),
        "process_tracking": "proctrack/cgroup" if settings.cgroups else "proctrack/linuxproc",
        "task_plugin": "task/cgroup" if settings.cgroups else "task/none",
        "first_node": settings.node_names[0],
        "extra": settings.extra,
    }
    accounting = ACCOUNTING.substitute(values) if settings.accounting else ""
    node_lines = "".join(
        NODE.substitute(node=node, host=host, port=port, gpus=GPUS)
        for node, port in zip(settings.node_names, nodes, strict=True)
    )
    for folder in ("munge", "log", "state"):
        (directory / folder).mkdir()
    (directory / "slurm.conf").write_text(
        SLURM_CONF.substitute(values, accounting=accounting, nodes=node_lines)
    )
    (directory / "cgroup.conf").write_text(_cgroup_conf(settings))
    (directory / "gres.conf").write_text(f"Name=gpu Type=h200 File={_fake_gpus(directory)}\n")
    _write_secret(directory / "munge" / "key", random.randbytes(128))
    _write_secret(directory / "slurmdbd.conf", SLURMDBD_CONF.substitute(values).encode())


def _cgroup_conf(settings: Settings) -> str:
    """Older versions refuse the newer words: cgroup/v1 came with 22.05, disabled with 24.05."""
    if settings.cgroups:
        return CGROUP_CONF + ("CgroupPlugin=cgroup/v1\n" if slurm_version() >= (22, 5) else "")
    return "CgroupPlugin=disabled\n" if slurm_version() >= (24, 5) else ""


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _fake_gpus(directory: Path) -> str:
    """Slurm wants a character device for each GPU; /dev/null's numbers will do."""
    if os.getuid():
        return f"/dev/tty[1-{GPUS}]"
    for index in range(GPUS):
        os.mknod(directory / f"gpu{index}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    return f"{directory}/gpu[0-{GPUS - 1}]"


def _free_ports(count: int) -> list[int]:
    ports: list[int] = []
    while len(ports) < count:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            if port not in ports and probe.connect_ex(("127.0.0.1", port)):
                ports.append(port)
    return ports
