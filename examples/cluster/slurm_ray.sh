#!/usr/bin/env bash
# Slurm with Ray: one job of many machines, one folder, one manifest.  sbatch examples/cluster/slurm_ray.sh
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

srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
    ray start --head --port="$port" --num-cpus="$SLURM_CPUS_PER_TASK" --include-dashboard=false --block &
sleep 30
srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" --overlap \
    ray start --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
sleep 30
srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
    pellucid render --out "${PELLUCID_SCENES:-scenes}/train" --scenes 11000 --ray "$head:$port" --threads 4 --device cpu
