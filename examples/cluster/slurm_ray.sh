#!/usr/bin/env bash
# Slurm with Ray: one job of several machines, one folder, one manifest.  sbatch examples/cluster/slurm_ray.sh
# What follows the name of this file goes to `pellucid render`; a small trial:
#   sbatch --nodes=2 --cpus-per-task=1 examples/cluster/slurm_ray.sh \
#       --scenes 2 --frames 1 --resolution 64x96 --samples 1 --threads 1
#SBATCH --job-name=pellucid-render
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --time=48:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
# A secret of this job: only its own processes may join its cluster.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
RAY_AUTH_TOKEN=$(python3 -c 'import secrets; print(secrets.token_hex(32))')
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))
others=$((SLURM_JOB_NUM_NODES - 1))

srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
    ray start --head --port="$port" --num-cpus="$SLURM_CPUS_PER_TASK" --include-dashboard=false --block &
until ray health-check --address "$head:$port" 2>/dev/null; do
    kill -0 %1 || exit 1 # it ended instead of starting; its own message is above
    sleep 2
done
if ((others > 0)); then
    srun --nodes="$others" --ntasks="$others" --exclude="$head" --overlap \
        ray start --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
fi
srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
    pellucid render --out "${PELLUCID_SCENES:-scenes}/train" --scenes 11000 --ray "$head:$port" --threads 4 --device cpu "$@"
