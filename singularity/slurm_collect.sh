#!/bin/bash
# Write the tables over all shards; slurm_array.sh submits this after the array. If shards are missing,
# the job fails, and submits them and itself again, at most RESUBMIT times.
#SBATCH --job-name=ich-collect
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=02:00:00
#SBATCH --requeue
set -euo pipefail
# sbatch runs a copy of this file in its spool folder, so $0 does not lead to the project.
PROJECT_DIR="${PROJECT_DIR:-${SLURM_SUBMIT_DIR:-.}}"
. "$PROJECT_DIR/singularity/common.sh" || {
    echo "submit this script from the project folder, or set PROJECT_DIR to that folder" >&2
    exit 2
}

# Submit the missing shards again. False if RESUBMIT does not allow it or sbatch fails on this node.
resubmit() {
    [ "$RESUBMIT" -gt 0 ] || {
        echo "ich: missing shards are not submitted again: RESUBMIT is 0 or used up" >&2
        return 1
    }
    echo "ich: submitting the missing shards again"
    RESUBMIT=$((RESUBMIT - 1)) bash "$PROJECT_DIR/singularity/slurm_array.sh" --missing || {
        echo "ich: this node could not submit the missing shards" >&2
        return 1
    }
}

leave() {
    local status=$?
    rm -rf -- "$task"
    # Dagster ends with status 1 if a job failed. A collector that was cancelled submits nothing.
    [ ! -s "$missing" ] || { [ "$status" = 1 ] && resubmit; } ||
        echo "ich: to run only the missing shards, set the same variables and run:" \
            "bash $PROJECT_DIR/singularity/slurm_array.sh --missing" >&2
    exit "$status"
}

settle_variables
[[ ${RESUBMIT:=1} =~ ^[0-9]$ ]] || die "RESUBMIT is $RESUBMIT: set it to a number of retries from 0 to 9"
missing="$RUN_ROOT/state/shards/missing.txt"
trap leave EXIT
write_device # the report names the device
run_job ich_collect
