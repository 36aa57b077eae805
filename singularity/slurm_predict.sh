#!/bin/bash
# Score one folder in one job on one GPU:
#   DICOM_INPUT=/data/dicom RUN_ROOT=/data/results sbatch --export=ALL singularity/slurm_predict.sh
#SBATCH --job-name=ich-predict
#SBATCH --output=ich-predict_%j.log
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
run_job ich_batch
