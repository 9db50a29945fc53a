"""Why a task waits or ended, in plain words.

Reasons are prose that changes between versions of Slurm, so they are matched by their beginning, and Slurm's
own word is always shown beside ours.
"""

from __future__ import annotations

# squeue(1), JOB REASON CODES, and the texts of 20.11 to 24.11. The first that begins alike decides.
_PLAIN: tuple[tuple[str, str], ...] = (
    ("Priority", "jobs with a higher priority go first"),
    ("Resources", "next in line; waiting for nodes or GPUs to become free"),
    ("Nodes required for job are DOWN", "the nodes it needs are down, drained or reserved"),
    ("JobArrayTaskLimit", "the array's own limit (%N) lets no more of its tasks run at once"),
    ("JobHeldUser", "held by its owner; release it to let it run"),
    ("JobHeldAdmin", "held by an administrator"),
    ("job requeued in held state", "requeued and held; release it to let it run"),
    ("launch failed requeued held", "its start failed, so Slurm holds it; release it to try again"),
    ("DependencyNeverSatisfied", "the job it depends on failed, so it will never start; cancel it"),
    ("Dependency", "waiting for the job it depends on"),
    ("BeginTime", "waiting for its begin time; a requeued task waits about two minutes"),
    ("PartitionTimeLimit", "asks for more time than the partition allows, so it will never start"),
    ("PartitionNodeLimit", "asks for more nodes than the partition has or allows, so it will never start"),
    ("PartitionDown", "the partition is down"),
    ("PartitionInactive", "the partition is inactive"),
    ("PartitionConfig", "the partition does not allow what it asks for, so it will never start"),
    ("ReqNodeNotAvail", "the nodes it needs are down, drained or reserved, often for a coming maintenance"),
    ("Reservation", "waiting for its reservation"),
    ("BadConstraints", "no node offers what it asks for"),
    ("Licenses", "waiting for a licence"),
    ("Cleaning", "its last run is still being cleaned up"),
    ("AssociationJobLimit", "your account runs as many jobs as it may"),
    ("AssocMaxJobsLimit", "your account runs as many jobs as it may"),
    ("AssocGrpJobsLimit", "your account runs as many jobs as it may"),
    ("AssocGrpGRES", "your account uses as many GPUs as it may"),
    ("AssocMaxGRES", "asks for more GPUs than your account may have"),
    ("AssocGrpCpuLimit", "your account uses as many CPUs as it may"),
    ("AssocGrpCPU", "your account uses as many CPUs as it may"),
    ("AssocGrpMem", "your account uses as much memory as it may"),
    ("AssocGrpBilling", "your account has used up its share"),
    ("AssocMaxWallDuration", "asks for more time than your account allows"),
    ("Assoc", "a limit of your account"),
    ("QOSMaxJobsPerUser", "you run as many jobs as this quality of service lets you"),
    ("QOSMaxGRESPerUser", "you use as many GPUs as this quality of service lets you"),
    ("QOSMaxCpuPerUser", "you use as many CPUs as this quality of service lets you"),
    ("QOSMaxMemoryPerUser", "you use as much memory as this quality of service lets you"),
    ("QOSMaxWallDuration", "asks for more time than its quality of service allows"),
    ("QOSGrpGRES", "everybody in this quality of service together uses as many GPUs as it may"),
    ("QOSGrp", "everybody in this quality of service together has reached its limit"),
    ("QOS", "a limit of its quality of service"),
    ("InvalidAccount", "its account is not valid any more"),
    ("InvalidQOS", "its quality of service is not valid any more"),
    ("MaxRequeue", "requeued as often as the cluster allows"),
    ("NonZeroExitCode", "its script ended with an error"),
    ("TimeLimit", "reached its time limit"),
    ("OutOfMemory", "used more memory than it asked for"),
    ("RaisedSignal", "ended by a signal"),
    ("JobLaunchFailure", "could not be started on its node; often the log folder is missing"),
    ("NodeDown", "its node went down"),
    ("SystemFailure", "Slurm or its node failed"),
)


def explain_reason(reason: str | None) -> str | None:
    """Plain words for Slurm's reason; None when we know none.

    >>> explain_reason("ReqNodeNotAvail, UnavailableNodes:node02")
    'the nodes it needs are down, drained or reserved, often for a coming maintenance'
    """
    return next((words for start, words in _PLAIN if (reason or "").startswith(start)), None)


def never_starts(reason: str | None) -> bool:
    """Whether waiting is in vain: such a task needs its owner."""
    return "never start" in (explain_reason(reason) or "")
