"""What Slurm and its users do to a run: requeue, preempt, cancel, warn."""

from __future__ import annotations

from contextlib import suppress

from lrdash.errors import InvalidJobError
from tests.faults.arena import Arena

ENDED = ("CANCELLED", "COMPLETED")


def requeue(arena: Arena) -> None:
    """The run starts again as the same task, and goes on from its last checkpoint."""
    name = arena.start()
    arena.scheduler().requeue([arena.task_of(name)])
    wait_for_restart(arena, name)
    arena.finish()


def preempt(arena: Arena) -> None:
    """A more urgent job takes the whole node; both runs go on after it."""
    assert arena.cluster
    name = arena.start()
    arena.cluster.sbatch("--partition=urgent", "--exclusive", "--time=1", wrap="sleep 1")
    wait_for_restart(arena, name)
    arena.finish()


def warn(arena: Arena) -> None:
    """Slurm's signal before the time limit: saved, requeued by the launcher, finished."""
    name = arena.start()
    send_warning(arena, name)
    wait_for_restart(arena, name)
    arena.finish()


def cancel(arena: Arena) -> None:
    """What the user cancelled stays cancelled: also just after a warning or a requeue, also when the
    controller starts anew."""
    name = arena.start()
    before = arena.random.choice(["nothing", "warning", "requeue"])
    if before == "warning":
        send_warning(arena, name)
        arena.look_for(arena.random.uniform(0.0, 0.5))
    elif before == "requeue" and arena.cluster:
        arena.scheduler().requeue([arena.task_of(name)])
    arena.note_cancelled(name)
    with suppress(InvalidJobError):  # it was over before scancel came
        arena.scheduler().cancel([arena.task_of(name)])
    arena.look_until(lambda _: arena.status_of(name).state in ENDED, 60, "the cancellation")
    if arena.status_of(name).state == "COMPLETED":
        arena.finish()
        return
    if arena.cluster and arena.random.random() < 0.3:
        # In good order: one that is killed within seconds may forget the cancellation.
        arena.cluster.stop("slurmctld")
        arena.look()
        arena.cluster.start("slurmctld")
    arena.look_for(8.0 if before != "nothing" and arena.cluster else 1.0)
    if arena.status_of(name).state != "CANCELLED":
        arena.problems.append(f"{name} was cancelled and is {arena.status_of(name).state}")
    arena.finish()


def resubmit_fresh(arena: Arena) -> None:
    """A finished run is started over: nothing of before is shown as its result."""
    arena.start()
    arena.finish()
    arena.submit(fresh=True)
    arena.reach()
    arena.finish()


def send_warning(arena: Arena, name: str) -> None:
    if arena.cluster:
        arena.cluster.run("scancel", "--signal=USR1", "--batch", arena.task_of(name), check=False)


def wait_for_restart(arena: Arena, name: str) -> None:
    """It may be over before the signal came; then there is nothing to start again."""

    def restarted(_: object) -> bool:
        run = arena.status_of(name)
        return run.state == "COMPLETED" or ((run.restarts or 0) > 0 and run.state == "RUNNING")

    arena.look_until(restarted, 60, f"{name} runs again")
