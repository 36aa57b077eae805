#!/bin/bash
# The tables over all shards, after the array that slurm_array.sh submits; fails if any is missing, and
# RESUBMIT times submits those again, and itself after them.
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

# Submit what is missing once more; false where that may not be, or cannot be from this node.
resubmit() {
    [ "$RESUBMIT" -gt 0 ] || {
        echo "ich: what is missing is not submitted again: RESUBMIT is 0, or was used up" >&2
        return 1
    }
    echo "ich: what is missing is submitted again"
    RESUBMIT=$((RESUBMIT - 1)) bash "$PROJECT_DIR/singularity/slurm_array.sh" --missing || {
        echo "ich: from this node it could not be submitted" >&2
        return 1
    }
}

leave() {
    local status=$?
    rm -rf -- "$task"
    # 1 is Dagster's word for a job that failed; a collector that was cancelled tries nothing.
    [ ! -s "$missing" ] || { [ "$status" = 1 ] && resubmit; } ||
        echo "ich: to run only what is missing, with the same variables:" \
            "bash $PROJECT_DIR/singularity/slurm_array.sh --missing" >&2
    exit "$status"
}

settle_variables
[[ ${RESUBMIT:=1} =~ ^[0-9]$ ]] || die "RESUBMIT is $RESUBMIT: how often to try again, from 0 to 9"
missing="$RUN_ROOT/state/shards/missing.txt"
trap leave EXIT
write_device # for the report
run_job ich_collect
