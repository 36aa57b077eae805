#!/bin/bash
# Score one shard of a folder. slurm_array.sh submits an array of these tasks.
#SBATCH --job-name=ich-shard
#SBATCH --open-mode=append
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=08:00:00
#SBATCH --requeue
set -euo pipefail
# sbatch runs a copy of this file in its spool folder, so $0 does not lead to the project.
PROJECT_DIR="${PROJECT_DIR:-${SLURM_SUBMIT_DIR:-.}}"
. "$PROJECT_DIR/singularity/common.sh" || {
    echo "submit this script from the project folder, or set PROJECT_DIR to that folder" >&2
    exit 2
}
settle_variables
write_device
require_gpu
[[ ${SLURM_ARRAY_TASK_ID:-} =~ ^[0-9]+$ ]] || die 'this script is a task of slurm_array.sh: run slurm_array.sh instead'
printf 'ops: {run_shard: {config: {shard: %d}}}\n' "$SLURM_ARRAY_TASK_ID" >"$task/shard.yaml"
run_job ich_shard
