#!/bin/bash
# Submits both groups of the learning-rate experiment, from wherever it is called.
# `lrdash submit` does the same after checking data, models and limits, and keeps a record.
set -euo pipefail
folder=sbatch/final_sweep_v7
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

command -v sbatch >/dev/null || { echo "no sbatch on PATH: log in to the cluster first" >&2; exit 2; }
mkdir -p logs/lr_experiment_v7 # Slurm up to 22.05 fails a task that has nowhere to log

for group in text vision; do
    job=$(sbatch --parsable "$folder/lr_experiment_${group}_trainagreeing.sbatch") ||
        { echo "$group was refused: nothing after it was submitted" >&2; exit 1; }
    echo "$group: job ${job%%;*}, logs/lr_experiment_v7/${job%%;*}_0.out to _2.out"
done
echo "Watch them with: lrdash"
