#!/bin/bash
# One shard of a folder: a task of the array that slurm_array.sh submits.
#SBATCH --job-name=ich-shard
#SBATCH --open-mode=append
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=08:00:00
#SBATCH --requeue
set -euo pipefail
# sbatch runs a copy of this file from its spool folder: $0 leads nowhere there.
PROJECT_DIR="${PROJECT_DIR:-${SLURM_SUBMIT_DIR:-.}}"
. "$PROJECT_DIR/singularity/common.sh" || {
    echo "submit from the project folder, or set PROJECT_DIR to it" >&2
    exit 2
}
settle_variables
write_device
require_gpu
[[ ${SLURM_ARRAY_TASK_ID:-} =~ ^[0-9]+$ ]] || die 'this is a task of slurm_array.sh; run that'
printf 'ops: {run_shard: {config: {shard: %d}}}\n' "$SLURM_ARRAY_TASK_ID" >"$task/shard.yaml"
run_job ich_shard
