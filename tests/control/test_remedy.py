"""The commands of remedies, as the screen carries them out."""

from __future__ import annotations

import pytest

from lrdash.control.remedy import ActionRemedy, SubmitRemedy, read_remedy
from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from tests.conftest import ROOT


def test_a_submission_is_taken_whole() -> None:
    command = (
        "lrdash submit --group text --index 0 --set a=2 --set b=2e-6 --set c=true -- --time=30:00:00 --mem=8G"
    )
    remedy = read_remedy(command)
    assert remedy == SubmitRemedy(
        ("text",), (0,), {"a": 2, "b": 2e-6, "c": True}, False, ("--time=30:00:00", "--mem=8G")
    )
    assert [run.key for run in remedy.runs(load_sweep(find_sweep_files(ROOT)[0]))] == ["text:0"]


@pytest.mark.parametrize("name", ["cancel", "requeue"])
def test_an_action_names_its_runs(name: str) -> None:
    remedy = read_remedy(f"lrdash {name} vision:2")
    assert isinstance(remedy, ActionRemedy)
    assert (remedy.name, remedy.words) == (name, ("vision:2",))
    assert [run.key for run in remedy.runs(load_sweep(find_sweep_files(ROOT)[0]))] == ["vision:2"]


@pytest.mark.parametrize(
    "command",
    [
        None, "", "lrdash", "lrdash preflight", "lrdash clean text:0", "lrdash logs text:0 --err", "rm -rf /",
        "lrdash submit --no-such", "lrdash submit --index x", "lrdash submit --set a", "lrdash submit 'text",
        "lrdash submit --dry-run", "lrdash cancel",
    ],
)  # fmt: skip
def test_what_is_no_change_of_ours_is_not_carried_out(command: str | None) -> None:
    assert read_remedy(command) is None
