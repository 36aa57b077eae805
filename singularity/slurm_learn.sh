#!/bin/bash
# Run one job of the learning half on a node, such as ich_dataset or ich_submission:
#   JOB=ich_dataset TRAIN_ROOT=/data/training DICOM_INPUT=/data/rsna LABELS=/data/stage_2_train.csv \
#       sbatch --export=ALL singularity/slurm_learn.sh
# For a job that runs networks add --gres=gpu:1 to the options of sbatch, or set DEVICE=cpu.
#SBATCH --job-name=ich-learn
#SBATCH --output=ich-learn_%j.log
#SBATCH --open-mode=append
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
settle_training
case "${JOB:-}" in
    ich_dataset | ich_evaluate_oof) ;;
    ich_train | ich_sequence | ich_submission)
        write_device training sequence
        require_gpu
        ;;
    *) die "JOB is ${JOB:-not set}: choose ich_dataset, ich_train, ich_sequence, ich_submission or ich_evaluate_oof" ;;
esac
run_job_until_told "$JOB"
