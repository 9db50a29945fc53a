"""A real Slurm cluster on this machine, up in about a second and gone without a trace.

Needs only the programs of slurm-wlm and munge (with accounting also slurmdbd and MariaDB): no systemd,
no cgroups, nothing in /etc. Clients find it by SLURM_CONF. By hand, to try the dashboard on it:

    python -m tests.slurm.cluster DIR
"""

from __future__ import annotations

import argparse
import getpass
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from types import TracebackType

from tests.slurm import processes
from tests.slurm.cgroups import remove_cgroups
from tests.slurm.configuration import Settings, find_program, write_configuration
from tests.waiting import wait_until

START_SECONDS = 60
CLIENT_TIMEOUT_SECONDS = 60
DAEMONS = ("munged", "slurmctld", "slurmd")
ACCOUNTING_DAEMONS = ("slurmdbd", "mariadbd", "mariadb-install-db")
# Variables that send Slurm's clients elsewhere or change what they print.
FOREIGN_VARIABLES = ("SLURM", "SBATCH", "SQUEUE", "SACCT", "SCANCEL", "SINFO", "SRUN")


def missing_programs(*, accounting: bool = False) -> list[str]:
    """What has to be installed before a cluster can be started here."""
    needed = ("sbatch", *DAEMONS, *(ACCOUNTING_DAEMONS if accounting else ()))
    return [name for name in needed if find_program(name) is None]


class Cluster:
    """A running cluster; use as a context manager.

    Its daemons are `munged`, `slurmctld`, one `slurmd-<node>` a node and, with accounting, `mariadbd` and
    `slurmdbd`: the names for start, stop, freeze and thaw.
    """

    def __init__(self, directory: Path | None = None, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.name = f"lrtest{uuid.uuid4().hex[:8]}"
        self._removes_directory = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="lrdash-slurm-"))
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._reaper: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """For client commands: finds this cluster and nothing else."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN_VARIABLES)}
        return {**kept, "SLURM_CONF": str(self.directory / "slurm.conf")}

    def __enter__(self) -> Cluster:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self._reaper = self._start_reaper()
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the cluster, those of jobs too, and remove its directory."""
        if self._reaper is not None:
            self._reaper.communicate()
        for daemon in self._daemons.values():
            daemon.wait()
        for node in self.settings.node_names if self.settings.cgroups else ():
            remove_cgroups(f"slurm_{node}")

    def start(self, daemon: str) -> None:
        """Start a daemon and wait until it answers."""
        program, *arguments = self._command(daemon)
        with (self.directory / "log" / f"{daemon}.console").open("ab") as console:
            self._daemons[daemon] = subprocess.Popen(
                [find_program(program) or program, *arguments],
                env=self._daemon_environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        wait_until(lambda: self._answers(daemon), START_SECONDS, f"{daemon}, see {self.directory}/log")

    def stop(self, daemon: str) -> None:
        """Stop a daemon in good order: the controller saves its state, munged removes its socket."""
        self._daemons[daemon].terminate()
        self._daemons[daemon].wait()

    def freeze(self, daemon: str) -> None:
        """Let a daemon hang: its port still accepts connections, but nobody answers."""
        self._daemons[daemon].send_signal(signal.SIGSTOP)

    def thaw(self, daemon: str) -> None:
        self._daemons[daemon].send_signal(signal.SIGCONT)

    def run(self, *command: str, check: bool = True) -> str:
        """The standard output of a client command; for looking at the cluster past the code under test."""
        answer = subprocess.run(
            command,
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CLIENT_TIMEOUT_SECONDS,
            check=False,
        )
        assert not check or answer.returncode == 0, f"{command}: {answer.stderr}"
        return answer.stdout

    def sbatch(self, *options: str, wrap: str = "sleep 600") -> str:
        """Submit a small job and return its id; its output goes nowhere unless the options say where."""
        return self.run(
            "sbatch", "--parsable", "--output=/dev/null", "--mem=10M", *options, f"--wrap={wrap}"
        ).strip()

    def states(self, job: str) -> list[str]:
        """The states of a job's tasks, in the order of their ids, as squeue tells them."""
        lines = self.run("squeue", "-h", "-r", "-t", "all", "-S", "i", "-j", job, "-o", "%T", check=False)
        return lines.split()

    def cancel_all(self) -> None:
        """Empty the queue; finished jobs stay visible for `min_job_age` seconds."""
        for state in ("PENDING", "RUNNING", "SUSPENDED"):
            self.run("scancel", f"--state={state}", f"--user={getpass.getuser()}")
        wait_until(lambda: not self.run("squeue", "-h", "-o", "%i"), 30, "an empty queue")

    def _start_reaper(self) -> subprocess.Popen[bytes]:
        afterwards = "remove" if self._removes_directory else "keep"
        return subprocess.Popen(
            [sys.executable, processes.__file__, self.name, str(self.directory), afterwards],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _start_all(self) -> None:
        write_configuration(self.directory, self.name, self.settings)
        self.start("munged")
        if self.settings.accounting:
            self._start_accounting()
        self.start("slurmctld")
        for node in self.settings.node_names:
            self.start(f"slurmd-{node}")

    def _start_accounting(self) -> None:
        install = find_program("mariadb-install-db")
        assert install is not None
        options = ("--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal")
        subprocess.run(
            [install, f"--datadir={self._data}", f"--user={getpass.getuser()}", *options],
            env=self._daemon_environment,
            check=True,
            capture_output=True,
        )
        self.start("mariadbd")
        self.start("slurmdbd")
        for entity in (
            ("cluster", self.name),
            ("account", "root"),
            ("user", getpass.getuser(), "account=root"),
        ):
            self.run("sacctmgr", "--immediate", "add", *entity, check=False)

    @property
    def _data(self) -> Path:
        return self.directory / "mysql"

    @property
    def _daemon_environment(self) -> dict[str, str]:
        return {
            **self.environment,
            processes.MARK: self.name,
            "MYSQL_UNIX_PORT": str(self.directory / "mysql.socket"),
            "SLURM_CONF": str(self.directory / "slurm.conf"),
        }

    def _command(self, daemon: str) -> list[str]:
        munge, data = self.directory / "munge", self._data
        program, _, node = daemon.partition("-")
        arguments = {
            "munged": [
                "--foreground",
                "--force",  # its folder may be private: then only this user can talk to the cluster
                f"--key-file={munge}/key",
                f"--socket={munge}/socket",
                *(f"--{name}-file={munge}/{name}" for name in ("pid", "log", "seed")),
            ],
            "slurmctld": ["-D"],
            "slurmd": ["-D", "-N", node],
            "slurmdbd": ["-D"],
            "mariadbd": [
                "--no-defaults",
                "--skip-networking",
                "--skip-grant-tables",
                "--innodb-flush-log-at-trx-commit=0",
                f"--datadir={data}",
                f"--socket={self.directory}/mysql.socket",
                f"--pid-file={self.directory}/mysql.pid",
                f"--user={getpass.getuser()}",
            ],
        }
        return [program, *arguments[program]]

    def _answers(self, daemon: str) -> bool:
        assert self._daemons[daemon].poll() is None, f"{daemon} ended, see {self.directory}/log"
        program, _, node = daemon.partition("-")
        if program == "munged":
            return (self.directory / "munge" / "socket").exists()
        if program == "mariadbd":
            return (self.directory / "mysql.socket").exists()
        if program == "slurmdbd":
            return "normal" in self.run("sacctmgr", "-n", "show", "qos", check=False)
        if program == "slurmctld":
            return "UP" in self.run("scontrol", "ping", check=False)
        return self.run("sinfo", "-h", "-n", node, "-o", "%T", check=False).startswith(
            ("idle", "mix", "alloc")
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Start a Slurm cluster here; Ctrl+C ends it.")
    parser.add_argument("directory", type=Path, help="a new or empty folder for its files")
    parser.add_argument("--accounting", action="store_true", help="with slurmdbd, so that sacct answers")
    options = parser.parse_args()
    if missing := missing_programs(accounting=options.accounting):
        parser.exit(2, f"not installed: {', '.join(missing)}\n")
    if options.directory.exists() and any(options.directory.iterdir()):
        parser.exit(2, f"{options.directory}: not empty\n")
    with Cluster(options.directory.resolve(), Settings(accounting=options.accounting)) as cluster:
        print(f"export SLURM_CONF={cluster.environment['SLURM_CONF']}", flush=True)
        print("Ctrl+C ends the cluster", file=sys.stderr)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print(file=sys.stderr)


if __name__ == "__main__":
    main()
