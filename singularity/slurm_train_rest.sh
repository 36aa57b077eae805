#!/bin/bash
# Make what needs every fold of a training: the table of predictions out of fold, the sequence models, the
# evaluation. slurm_train.sh submits this after the array. If tasks have not ended well, the job fails,
# and submits them and itself again, at most RESUBMIT times.
#SBATCH --job-name=ich-rest
#SBATCH --open-mode=append
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
set -euo pipefail
# sbatch runs a copy of this file in its spool folder, so $0 does not lead to the project.
PROJECT_DIR="${PROJECT_DIR:-${SLURM_SUBMIT_DIR:-.}}"
. "$PROJECT_DIR/singularity/common.sh" || {
    echo "submit this script from the project folder, or set PROJECT_DIR to that folder" >&2
    exit 2
}
. "$PROJECT_DIR/singularity/tasks.sh"
settle_training
settle_tasks
[[ ${RESUBMIT:=9} =~ ^[0-9]$ ]] || die "RESUBMIT is $RESUBMIT: set it to a number of retries from 0 to 9"
missing="$(unmarked)" again="$(unmarked 2)"
if [ -n "$missing" ]; then
    echo "ich: no result of the tasks $missing; see $TRAIN_ROOT/logs" >&2
    if [ "$again" != "$missing" ]; then
        echo 'ich: a task that has ended with an error twice is not submitted again: mend the error first' >&2
    fi
    if [ -n "$again" ] && [ "$RESUBMIT" -gt 0 ]; then
        echo "ich: submitting the tasks $again again"
        RESUBMIT=$((RESUBMIT - 1)) bash "$PROJECT_DIR/singularity/slurm_train.sh" --again "$again" && exit 1
        echo 'ich: this node could not submit them' >&2
    elif [ -n "$again" ]; then
        echo 'ich: they are not submitted again: RESUBMIT is 0 or used up' >&2
    fi
    echo "ich: to go on, set the same variables and run: bash $PROJECT_DIR/singularity/slurm_train.sh --missing" >&2
    exit 1
fi
write_device training sequence
require_gpu
write_training '' 'oof, sequence' "${backbones[@]}"
run_job_until_told ich_train
rm -- "$task"/*.yaml
run_job ich_evaluate_oof
