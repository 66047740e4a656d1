#!/usr/bin/env bash
# Slurm without Ray: an array of jobs, each its own folder and its own range of seeds, so that none waits for another.
#   sbatch examples/cluster/slurm_array.sh
# 110 parts of 100 scenes are the 11,000. A job that is killed or requeued goes on where it was; `pellucid train` takes
# all parts: --data scenes/part_*. What follows the name of this file goes to `pellucid render`; a small trial:
#   sbatch --array=0-1 --cpus-per-task=1 --mem=2G examples/cluster/slurm_array.sh \
#       --scenes 2 --frames 1 --resolution 64x96 --samples 1 --workers 1 --threads 1
#SBATCH --job-name=pellucid-render
#SBATCH --array=0-109%40
#SBATCH --cpus-per-task=16
#SBATCH --mem=16G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
out=${PELLUCID_SCENES:-scenes}/part_$(printf %03d "$SLURM_ARRAY_TASK_ID")
# Far apart, so that rejected seeds never lead into the next part; below the seeds of the test set.
seed=$((SLURM_ARRAY_TASK_ID * 1000))
exec pellucid render --out "$out" --seed "$seed" --scenes 100 --workers 4 --threads 4 --device cpu "$@"
