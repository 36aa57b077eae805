#!/bin/bash
# Train the networks as a job array, one task for each fold of each backbone. Then one job does the steps
# that need all of them: the table of predictions out of fold, the sequence models, the evaluation.
#   TRAIN_ROOT=/data/training IMAGENET_DIR=/data/imagenet bash singularity/slurm_train.sh
# If LABELS is set, a job makes the data set from DICOM_INPUT and LABELS first. Run this script with bash
# on a machine that has sbatch. The last job submits missing tasks again, at most RESUBMIT times, and a
# task that ends with an error once. A task goes on after its last finished epoch. After that wait until
# every job has ended, and run one of:
#   (the same variables) bash singularity/slurm_train.sh --missing    only the tasks without result
#   (the same variables) bash singularity/slurm_train.sh --tasks 3,7  only the tasks that you name
# Task t is fold t % 5 of the backbone t / 5 in BACKBONES.
set -euo pipefail
PROJECT_DIR="${PROJECT_DIR:-$(dirname "$(dirname "$(realpath "$0")")")}"
. "$PROJECT_DIR/singularity/common.sh"
. "$PROJECT_DIR/singularity/submit.sh"
. "$PROJECT_DIR/singularity/tasks.sh"

settle_training
settle_tasks
[[ ${RESUBMIT:=9} =~ ^[0-9]$ ]] || die "RESUBMIT is $RESUBMIT: set it to a number of retries from 0 to 9"
export RESUBMIT PROJECT_DIR CACHE_DIR BACKBONES RUN_CONFIG="${RUN_CONFIG:-}"
export "${handed[@]}"
if [ -n "${VENV:-}" ]; then export VENV; else export SIF_IMAGE; fi
logs="$TRAIN_ROOT/logs"
begin_submission TRAIN_ROOT
after=()
case "${1:-}" in
    '')
        tasks="0-$((count - 1))"
        unmark 'done'
        unmark errors
        if [ -n "${LABELS:-}" ]; then
            dataset="$(JOB=ich_dataset submit CPU slurm_learn.sh --job-name=ich-dataset --output="$logs/dataset_%j.log")"
            keep "$dataset"
            after=(--dependency="afterok:$dataset" --kill-on-invalid-dep=yes)
            echo "dataset  job $dataset"
        fi
        ;;
    --missing)
        tasks="$(unmarked)"
        unmark errors
        ;;
    --tasks | --again) # --again is what slurm_train_rest.sh uses
        tasks="${2:?give the numbers of the tasks, such as 3,7}"
        [ "$1" = --again ] || unmark errors
        ;;
    *) die "unknown option $1: choose --missing, --tasks 3,7, or no option" ;;
esac
[ "${#after[@]}" -gt 0 ] || [ -e "$TRAIN_ROOT/dataset/folds.csv" ] ||
    die "$TRAIN_ROOT holds no data set: set DICOM_INPUT and LABELS, or run ich_dataset first"
if [ -n "$tasks" ]; then
    array="$(submit GPU slurm_train_fold.sh --output="$logs/train_%a_%A.log" "${after[@]}" \
        --array="$tasks${MAX_TASKS:+%$MAX_TASKS}")"
    keep "$array"
    after=(--dependency="afterany:$array")
    echo "train    job $array ($tasks)"
fi
rest="$(submit GPU slurm_train_rest.sh --output="$logs/rest_%j.log" "${after[@]}")"
keep "$rest"
echo "rest     job $rest"
echo "logs     $TRAIN_ROOT/logs"
