#!/bin/bash
# Train one fold of one backbone, and predict the slices that it held out. slurm_train.sh submits an
# array of these tasks. A task that is run again goes on after its last finished epoch.
#SBATCH --job-name=ich-train
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
write_device training
require_gpu
number="${SLURM_ARRAY_TASK_ID:-}"
[[ $number =~ ^[0-9]+$ ]] || die 'this script is a task of slurm_train.sh: run slurm_train.sh instead'
[ "$number" -lt "$count" ] || die "there is no task $number: they are 0 to $((count - 1))"
rm -f -- "$(marker "$number").done"
write_training "$((number % 5))" '2d, oof' "${backbones[number / 5]}"
status=0
run_job_until_told ich_train || status=$?
if [ "$status" = 0 ]; then
    : >"$(marker "$number").done"
elif [ -z "$told" ]; then
    echo "status $status" >>"$(marker "$number").errors"
fi
exit "$status"
