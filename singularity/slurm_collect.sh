#!/bin/bash
# The tables over all shards, after the array that slurm_array.sh submits; fails if any is missing.
#SBATCH --job-name=ich-collect
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=02:00:00
#SBATCH --requeue
set -euo pipefail
# sbatch runs a copy of this file from its spool folder: $0 leads nowhere there.
PROJECT_DIR="${PROJECT_DIR:-${SLURM_SUBMIT_DIR:-.}}"
. "$PROJECT_DIR/singularity/common.sh" || {
    echo "submit from the project folder, or set PROJECT_DIR to it" >&2
    exit 2
}

leave() {
    local status=$?
    rm -rf -- "$task"
    [ "$status" = 0 ] || [ ! -e "$RUN_ROOT/state/shards/missing.txt" ] ||
        echo "ich: to run only what is missing, with the same variables:" \
            "bash $PROJECT_DIR/singularity/slurm_array.sh --missing" >&2
    exit "$status"
}

settle_variables
trap leave EXIT
write_device # for the report
run_job ich_collect
