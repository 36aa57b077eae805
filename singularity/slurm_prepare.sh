#!/bin/bash
# Scan a folder on a CPU node and divide its series into SHARDS parts. With DECODE=1 also decode them there:
#   DICOM_INPUT=/data/dicom RUN_ROOT=/data/results DECODE=1 \
#       sbatch --export=ALL singularity/slurm_prepare.sh
#SBATCH --job-name=ich-prepare
#SBATCH --output=ich-prepare_%j.log
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
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
[[ ${SHARDS:=1} =~ ^[1-9][0-9]*$ ]] || die "SHARDS is $SHARDS: set it to a whole number from 1 on"
[[ ${DECODE:=0} =~ ^[01]$ ]] || die "DECODE is $DECODE: set it to 0 or 1"
decode=false
[ "$DECODE" = 0 ] || decode=true
printf 'ops: {cut_folder: {config: {shards: %d, decode: %s}}}\n' "$SHARDS" "$decode" >"$task/cut.yaml"
run_job ich_prepare
