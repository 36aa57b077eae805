#!/bin/bash
# Score a large folder as a job array. It submits a job that prepares, SHARDS tasks, and a collector that
# runs after all tasks:
#   SHARDS=40 DICOM_INPUT=/data/dicom RUN_ROOT=/data/results bash singularity/slurm_array.sh
# Run it with bash on a machine that has sbatch. The collector submits missing shards again, at most
# RESUBMIT times. After that wait until every job has ended, and run one of:
#   (the same variables) bash singularity/slurm_array.sh --missing     only the shards without result
#   (the same variables) bash singularity/slurm_array.sh --shards 3,7  only the shards that you name
set -euo pipefail
PROJECT_DIR="${PROJECT_DIR:-$(dirname "$(dirname "$(realpath "$0")")")}"
. "$PROJECT_DIR/singularity/common.sh"
. "$PROJECT_DIR/singularity/submit.sh"

# Print the shards that have a list of series and no marker of success.
unmarked() {
    local number=0 found=()
    while [ -e "$plan/$number.json" ]; do
        [ -e "$plan/$number.done.json" ] || found+=("$number")
        number=$((number + 1))
    done
    (IFS=, && echo "${found[*]-}")
}

settle_variables
[[ ${RESUBMIT:=1} =~ ^[0-9]$ ]] || die "RESUBMIT is $RESUBMIT: set it to a number of retries from 0 to 9"
export RESUBMIT PROJECT_DIR DICOM_INPUT RUN_ROOT MODEL_DIR CACHE_DIR RUN_CONFIG="${RUN_CONFIG:-}"
if [ -n "${VENV:-}" ]; then export VENV; else export SIF_IMAGE; fi
plan="$RUN_ROOT/state/shards" logs="$RUN_ROOT/logs"
begin_submission RUN_ROOT
after=()
case "${1:-}" in
    '')
        [[ ${SHARDS:-} =~ ^[1-9][0-9]*$ ]] || die 'SHARDS is not a whole number from 1 on: set it to the number of tasks, such as 40'
        export SHARDS
        tasks="0-$((SHARDS - 1))"
        # If no new plan can be made, the tasks must not use an old one.
        rm -f -- "$plan/plan.json"
        prepare="$(submit CPU slurm_prepare.sh --output="$logs/prepare_%j.log")"
        keep "$prepare"
        after=(--dependency="afterok:$prepare" --kill-on-invalid-dep=yes)
        echo "prepare  job $prepare"
        ;;
    --missing)
        [ -e "$plan/plan.json" ] || die "$plan has no plan: run this script without --missing first"
        if [ -s "$plan/missing.txt" ]; then tasks="$(cat -- "$plan/missing.txt")"; else tasks="$(unmarked)"; fi
        # If every shard is done and the collector died, only the collector runs again.
        if [ -z "$tasks" ] && [ -e "$plan/collected.json" ]; then
            echo 'no shard is missing'
            exit
        fi
        ;;
    --shards) tasks="${2:?give the numbers of the shards, such as 3,7}" ;;
    *) die "unknown option $1: choose --missing, --shards 3,7, or no option" ;;
esac
# The tables are out of date now. Until the collector has run, the markers show which shards are missing.
rm -f -- "$plan/missing.txt" "$plan/collected.json"
if [ -n "$tasks" ]; then
    array="$(submit GPU slurm_shard.sh --output="$logs/shard_%a_%A.log" "${after[@]}" \
        --array="$tasks${MAX_TASKS:+%$MAX_TASKS}")"
    keep "$array"
    after=(--dependency="afterany:$array")
    echo "shards   job $array ($tasks)"
fi
collect="$(submit CPU slurm_collect.sh --output="$logs/collect_%j.log" "${after[@]}")"
keep "$collect"
echo "collect  job $collect"
echo "logs     $RUN_ROOT/logs"
