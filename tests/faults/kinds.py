"""Every kind of fault, by the name that seeds.txt uses."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults import of_files, of_processes, of_slurm
from tests.faults.arena import Arena

KINDS: dict[str, Callable[[Arena], None]] = {
    "kill-dashboard": of_processes.kill_dashboard,
    "kill-status": of_processes.kill_status,
    "kill-submit": of_processes.kill_submit,
    "kill-supervisor": of_processes.kill_supervisor,
    "freeze-supervisor": of_processes.freeze_supervisor,
    "kill-launch": of_processes.kill_launch,
    "kill-ranks": of_processes.kill_ranks,
    "freeze-ranks": of_processes.freeze_ranks,
    "kill-slurmctld": of_processes.kill_controller,
    "freeze-slurmctld": of_processes.freeze_controller,
    "kill-slurmd": of_processes.kill_node,
    "freeze-slurmd": of_processes.freeze_node,
    "requeue": of_slurm.requeue,
    "preempt": of_slurm.preempt,
    "warn": of_slurm.warn,
    "cancel": of_slurm.cancel,
    "resubmit-fresh": of_slurm.resubmit_fresh,
    "truncate-log": of_files.truncate_log,
    "replace-log": of_files.replace_log,
    "delete-log": of_files.delete_log,
    "lock-log": of_files.lock_log,
    "truncate-results": of_files.truncate_results,
    "replace-results": of_files.replace_results,
    "delete-results": of_files.delete_results,
    "lock-results": of_files.lock_results,
    "corrupt-json": of_files.corrupt_json,
    "fill-disk": of_files.fill_disk,
    "jump-clock": of_files.jump_clock,
}
