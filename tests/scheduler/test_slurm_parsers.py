"""The pure parsers: whatever the text, they answer; what was written is what is read."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdash.errors import UnreachableError
from lrdash.scheduler.base import ACTIVE_STATES, FINISHED_STATES, Task
from lrdash.scheduler.environment import submit_environment
from lrdash.scheduler.slurm.accounting import FIELDS as SACCT_FIELDS
from lrdash.scheduler.slurm.accounting import parse_accounting
from lrdash.scheduler.slurm.client import query_environment
from lrdash.scheduler.slurm.queue import FIELDS, SEPARATOR, expand_id, new_mark, parse_queue
from lrdash.scheduler.slurm.records import parse_records, record_tasks
from lrdash.scheduler.slurm.submit import format_indices, parse_job_id
from lrdash.scheduler.slurm.values import parse_duration, parse_memory, parse_time
from lrdash.sweep.script import parse_array

MARK = new_mark()
# Hostile: everything that separates, escapes, marks up or breaks a line, and other records' beginnings.
HOSTILE = st.lists(
    st.characters(codec="utf-8")
    | st.sampled_from("|\t\n\r\x1e\x1f\x00\x1b[]\"'\\%=_ äé中\u202e\U0001f4a5")
    | st.sampled_from(["123_1\x1fRUNNING\x1f", "\n9_9|RUNNING", "[red]", "   JobState=FAILED", "JobId=7"]),
    max_size=8,
).map("".join)
TIMES = st.none() | st.integers(0, 2_000_000_000).map(float)
DURATIONS = st.none() | st.integers(0, 10_000_000).map(float)
WORDS = st.none() | st.from_regex(r"[a-z][a-z0-9,\[\]-]{1,12}", fullmatch=True)
TASKS = st.builds(
    Task,
    id=st.from_regex(r"[1-9][0-9]{0,7}(_[0-9]{1,5})?", fullmatch=True),
    state=st.sampled_from([*sorted(ACTIVE_STATES | FINISHED_STATES), "NEW_STATE"]),
    reason=st.none()
    | st.sampled_from(["Priority", "ReqNodeNotAvail, UnavailableNodes:node02", "RaisedSignal:9(Killed)"]),
    elapsed_seconds=DURATIONS,
    time_limit_seconds=DURATIONS,
    submitted=TIMES,
    started=TIMES,
    ended=TIMES,
    partition=WORDS,
    nodes=WORDS,
    user=WORDS,
    work_dir=st.none() | HOSTILE.map(lambda text: "/" + text.replace(SEPARATOR, "")),
    name=HOSTILE,
    comment=HOSTILE.map(lambda text: text.replace(SEPARATOR, "")).filter(lambda text: text != "(null)"),
)


def clock(seconds: float | None) -> str:
    """A duration as squeue writes it."""
    if seconds is None:
        return "UNLIMITED"
    days, rest = divmod(int(seconds), 86400)
    return f"{days}-{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def stamp(seconds: float | None) -> str:
    return "N/A" if seconds is None else str(int(seconds))


def render(tasks: Sequence[Task]) -> str:
    """What squeue prints for these tasks with our format."""
    return "".join(f"{MARK}{SEPARATOR.join(_fields(task))}\n" for task in tasks)


def _fields(task: Task) -> list[str]:
    written = {
        "%i": task.id,
        "%T": task.state,
        "%r": task.reason or "None",
        "%M": clock(task.elapsed_seconds),
        "%l": clock(task.time_limit_seconds),
        "%V": stamp(task.submitted),
        "%S": stamp(task.started),
        "%e": stamp(task.ended),
        "%P": task.partition or "",
        "%N": task.nodes or "",
        "%u": task.user or "",
        "%Z": task.work_dir or "(null)",
        "%k": task.comment or "(null)",
        "%j": task.name,
    }
    return [written[field] for field in FIELDS]


def check_round_trip(tasks: list[Task]) -> None:
    reading = parse_queue(render(tasks), MARK)

    assert reading.tasks == tuple(tasks)
    assert reading.unparsed_lines == 0


@settings(max_examples=40)
@given(st.lists(TASKS, max_size=4))
def test_what_squeue_prints_is_what_is_read(tasks: list[Task]) -> None:
    check_round_trip(tasks)


@pytest.mark.fuzz
@settings(max_examples=1500)
@given(st.lists(TASKS, max_size=8))
def test_whatever_squeue_prints_is_what_is_read(tasks: list[Task]) -> None:
    check_round_trip(tasks)


@settings(max_examples=30)
@given(st.lists(TASKS, min_size=1, max_size=3), st.data())
def test_a_separator_in_a_comment_costs_only_that_comment(tasks: list[Task], data: st.DataObject) -> None:
    victim = data.draw(st.integers(0, len(tasks) - 1))
    hostile = [*tasks]
    hostile[victim] = msgspec.structs.replace(tasks[victim], comment="a\x1fb\n1_1\x1fRUNNING")

    reading = parse_queue(render(hostile), MARK)

    assert [task.id for task in reading.tasks] == [task.id for task in tasks]
    assert [task.state for task in reading.tasks] == [task.state for task in tasks]
    others = [index for index in range(len(tasks)) if index != victim]
    assert [reading.tasks[index] for index in others] == [tasks[index] for index in others]


@settings(max_examples=30)
@given(HOSTILE, st.lists(TASKS, max_size=2))
def test_lines_that_are_no_records_are_counted(noise: str, tasks: list[Task]) -> None:
    noisy = parse_queue(f"slurm_load_jobs: {noise}\n" + render(tasks), MARK)

    assert noisy.tasks == tuple(tasks)
    assert noisy.unparsed_lines >= 1


@settings(max_examples=30)
@given(st.lists(TASKS, max_size=2))
def test_records_that_cannot_be_read_are_counted(tasks: list[Task]) -> None:
    broken = f"{MARK}1_0{SEPARATOR}RUNNING\n" + f"{MARK}no id{SEPARATOR * (len(FIELDS) - 1)}\n"

    reading = parse_queue(render(tasks) + broken, MARK)

    assert reading.tasks == tuple(tasks)
    assert reading.unparsed_lines == 2


def test_queries_get_an_environment_of_their_own() -> None:
    given_environment = {
        "PATH": "/bin",
        "SLURM_CONF": "/c",
        "SLURM_JOB_ID": "7",
        "SQUEUE_SORT": "i",
        "SBATCH_QOS": "q",
    }

    environment = query_environment(given_environment)

    assert environment == {
        "PATH": "/bin", "SLURM_CONF": "/c", "SBATCH_QOS": "q", "LC_ALL": "C.UTF-8", "SLURM_TIME_FORMAT": "%s",
    }  # fmt: skip


def test_a_submission_takes_over_nothing_of_an_enclosing_job() -> None:
    enclosing = {
        "SLURM_JOB_ID": "7",
        "LRDASH_SET": '{"seed": 3}',
        "LRDASH_FRESH": "1",
        "LRDASH_SCHEDULER": "local",
    }
    kept = {"PATH": "/bin", "SLURM_CONF": "/c", "SBATCH_QOS": "q", "LRDASH_VENV": "/venv"}

    assert submit_environment({**kept, **enclosing}) == kept


def test_the_header_of_a_cluster_is_no_noise() -> None:
    assert parse_queue("CLUSTER: della\n", MARK).unparsed_lines == 0


def test_the_header_of_the_next_cluster_is_in_no_name() -> None:
    first, second = (Task(f"{job}_0", "RUNNING", name="tiny_text") for job in (1, 2))
    text = f"CLUSTER: della\n{render([first])}\nCLUSTER: tiger\n{render([second])}"
    reading = parse_queue(text, MARK)
    assert [(task.id, task.name) for task in reading.tasks] == [("1_0", "tiny_text"), ("2_0", "tiny_text")]
    assert reading.unparsed_lines == 0


@given(st.text(max_size=200))
def test_parsers_are_total(text: str) -> None:
    parse_queue(text, MARK)
    parse_queue(f"{MARK}{text}", MARK)
    parse_accounting(text, MARK, {"1_0"})
    for record in parse_records(f"JobId=1 {text}\nJobId=2 ArrayJobId=1 ArrayTaskId={text}"):
        record_tasks(record)
    expand_id(text)
    parse_time(text)
    parse_duration(text)
    parse_memory(text)


@given(st.text(max_size=60))
def test_a_job_name_cannot_forge_a_field_of_scontrol(name: str) -> None:
    text = (
        f"JobId=3 ArrayJobId=1 ArrayTaskId=0 JobName={name}\n"
        "   JobState=COMPLETED Reason=None Dependency=(null)\n"
        "   UserId=root(0) GroupId=root(0) MCS_label=N/A\n"
        "   JobState=RUNNING Reason=None Dependency=(null)\n"
    )
    assert [task for record in parse_records(text) for task in record_tasks(record)] == []


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("123", ("123",)),
        ("123_7", ("123_7",)),
        ("4_[1-4%1]", ("4_1", "4_2", "4_3", "4_4")),
        ("5_[1,3,5%4]", ("5_1", "5_3", "5_5")),
        ("11_[0,2-3]", ("11_0", "11_2", "11_3")),
        ("6_[0-8:4]", ("6_0", "6_4", "6_8")),
        ("9_[0-9999999999]", ()),
        ("9_[1,3,...]", ()),
        ("12+1", ("12+1",)),
        ("JOBID", ()),
        ("", ()),
    ],
)
def test_ids(text: str, ids: tuple[str, ...]) -> None:
    assert expand_id(text) == ids


@given(st.sets(st.integers(0, 500), min_size=1, max_size=40))
def test_indices_are_folded_as_sbatch_reads_them(indices: set[int]) -> None:
    assert parse_array(format_indices(tuple(indices))) == tuple(sorted(indices))


@pytest.mark.parametrize(
    "answer",
    [
        "123\n",
        "123;della\n",
        "Note from your site:\n123\n",
        "Submitted batch job 123\n",
        "Submitted batch job 123 on cluster della\n",
    ],
)
def test_the_job_id_in_the_answer_of_sbatch(answer: str) -> None:
    assert parse_job_id(answer) == "123"


@pytest.mark.parametrize("answer", ["", "accepted\n", "job 123 of 5\n"])
def test_an_answer_without_a_job_id_says_nothing_about_the_job(answer: str) -> None:
    with pytest.raises(UnreachableError, match="printed no job id"):
        parse_job_id(answer)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:07", 7), ("30:00", 1800), ("2:00:00", 7200), ("7-00:00:00", 604800), ("00:01.500", 1.5),
        ("UNLIMITED", None), ("INVALID", None), ("Partition_Limit", None), ("", None),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("200G", 200 << 30), ("1.50M", 1572864), ("100Mn", 100 << 20), ("512", 512), ("?", None)],
)
def test_memory(text: str, size: int | None) -> None:
    assert parse_memory(text) == size


def accounting_rows(*rows: dict[str, str]) -> str:
    return "".join(MARK.join(row.get(field, "") for field in SACCT_FIELDS) + "\n" for row in rows)


def test_a_failure_without_its_exit_code_is_to_be_asked_again() -> None:
    text = accounting_rows({"JobID": "1_0", "State": "FAILED", "ExitCode": "0:0"})

    assert parse_accounting(text, MARK, {"1_0"})["1_0"].task.exit_code is None


def test_usage_takes_the_highest_step_and_the_memory_asked_for() -> None:
    text = accounting_rows(
        {"JobID": "1_0", "State": "COMPLETED", "ReqMem": "200G", "AllocCPUS": "10", "TotalCPU": "01:00.5"},
        {"JobID": "1_0.batch", "State": "COMPLETED", "MaxRSS": "1024K"},
        {"JobID": "1_0.0", "State": "COMPLETED", "MaxRSS": "3G"},
        {"JobID": "1_1", "State": "RUNNING"},
        {"JobID": "1_[2-3]", "State": "CANCELLED by 0"},
        {"JobID": "1_4", "State": "FAILED", "ExitCode": "3:0", "ReqMem": "4Gc", "AllocCPUS": "10"},
        {"JobID": "2_0", "State": "COMPLETED", "JobName": "somebody else's"},
    )

    settled = parse_accounting(text, MARK, {"1_0", "1_1", "1_2", "1_4"})

    assert {task: one.task.state for task, one in settled.items()} == {
        "1_0": "COMPLETED", "1_2": "CANCELLED", "1_4": "FAILED",
    }  # fmt: skip
    usage = settled["1_0"].usage
    assert usage is not None
    assert usage.max_rss_bytes == 3 << 30
    assert usage.requested_memory_bytes == 200 << 30
    assert usage.cpu_seconds == 60.5
    per_cpu = settled["1_4"].usage
    assert per_cpu is not None
    assert per_cpu.requested_memory_bytes == 40 << 30
    assert settled["1_4"].task.exit_code == "3:0"
