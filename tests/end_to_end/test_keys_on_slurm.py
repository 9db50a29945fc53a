"""A six-run sweep on a real cluster, driven in a real terminal: how many keys a question costs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Terminal
from tests.slurm.cluster import Cluster
from tests.slurm.experiment import Clone

PROGRAM = """
import json, os, pathlib, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
group, index = os.environ["SLURM_JOB_NAME"].rpartition("_")[2], os.environ["SLURM_ARRAY_TASK_ID"]
print(f"the errors of {group} {index}", file=sys.stderr, flush=True)
if (group, index) == ("text", "1"):
    sys.exit("torch.OutOf" "MemoryError: CUDA out" " of memory. Tried to allocate 2.00 GiB.")
results = pathlib.Path(arguments["--output_dir"].replace("saves", "results"))
results.mkdir(parents=True, exist_ok=True)
rows = []
for row in range(60):
    truth, is_right = row % 2, row % (3 + 4 * int(index)) > 0
    said = truth if is_right else 1 - truth
    rows.append({
        "id": row, "logits": [0.0, 0.0], "probabilities": [0.3, 0.7] if said else [0.7, 0.3],
        "predicted_label": "ab"[said], "true_label": "ab"[truth],
    })
accuracy = sum(row["predicted_label"] == row["true_label"] for row in rows) / len(rows)
attempt = {"job": f"{os.environ['SLURM_ARRAY_JOB_ID']}_{index}", "restart": 0}
epoch = {"epoch": 1, "step": 4, "eval_accuracy": accuracy, "eval_f1": accuracy, "eval_loss": 0.5}
ours = {"schema": 1, "attempt": attempt, "label_names": ["a", "b"], "n_test": len(rows)}
write = lambda name, value: (results / name).write_text(json.dumps(value))
write("run_meta.json", {"attempt": attempt, "arguments": {}})
write("all_results.json", {"predict_accuracy": accuracy, "epochs": [epoch], "lrdash": ours})
lines = "".join(json.dumps(row) + chr(10) for row in rows)
(results / "generated_predictions.jsonl").write_text(lines)
write("predict_results.json", {"predict_accuracy": accuracy, "predict_f1": accuracy})
"""
SECONDS = 60.0


@pytest.fixture
def clone(tmp_path: Path, slurm_cluster: Cluster) -> Clone:
    clone = Clone(tmp_path / "clone", slurm_cluster)
    clone.run_program(PROGRAM)
    return clone


def test_questions_and_the_keys_that_they_cost(clone: Clone) -> None:
    with Terminal(["lrdash"], 120, 40, env=clone.environment, cwd=clone.root) as terminal:
        terminal.wait_for("not submitted", SECONDS)

        def ask(most: int, *keys: str) -> None:
            assert len(keys) <= most
            terminal.keys(*keys)

        terminal.keys("x")  # submit the sweep: three keys of at most four
        terminal.wait_for("submit the sweep", SECONDS)
        terminal.keys("s")
        terminal.wait_for("sbatch", SECONDS)
        terminal.keys("y")
        terminal.wait_for(re.compile(r"5 done.*1 failed|1 failed.*5 done", re.DOTALL), SECONDS)
        terminal.wait_gone("y Yes")

        terminal.wait_for(re.compile(r"1 \S+ 2e-6 .*FAILED.*CUDA out of memory"), SECONDS)
        ask(3, "a")  # why did index 1 fail
        terminal.wait_for(
            re.compile(r"needs attention.*x r: apply the remedy.*CUDA out of memory", re.DOTALL)
        )
        terminal.keys("q")
        terminal.wait_gone("x r: apply the remedy")

        ask(4, "t", "2", "o")  # the log of vision index 2's stderr
        terminal.wait_for(re.compile(r"vision 2\b.*· err\b"), SECONDS)
        terminal.wait_for("the errors of vision 2", SECONDS)

        ask(2, "[", "[")  # compare accuracy
        terminal.wait_for("95 % interval", SECONDS)
        terminal.wait_for(re.compile(r"2e-5, backbone 2e-6 +\.\d{3}"), SECONDS)
