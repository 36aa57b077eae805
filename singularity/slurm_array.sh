#!/bin/bash
# Score a large folder as a job array: prepare, SHARDS tasks, and a collector after them all.
#   SHARDS=40 DICOM_INPUT=/data/dicom RUN_ROOT=/data/results bash singularity/slurm_array.sh
# Run it where sbatch is, with bash. Once the collector has named what is missing:
#   (the same variables) bash singularity/slurm_array.sh --missing     only the shards without result
#   (the same variables) bash singularity/slurm_array.sh --shards 3,7  or those you name
set -euo pipefail
PROJECT_DIR="${PROJECT_DIR:-$(dirname "$(dirname "$(realpath "$0")")")}"
. "$PROJECT_DIR/singularity/common.sh"

# Shards that have a list and no marker.
unmarked() {
    local number=0 found=()
    while [ -e "$plan/$number.json" ]; do
        [ -e "$plan/$number.done.json" ] || found+=("$number")
        number=$((number + 1))
    done
    (IFS=, && echo "${found[*]-}")
}

# submit CPU|GPU SCRIPT OPTION...: print the job's number.
submit() {
    local kind="$1" script="$PROJECT_DIR/singularity/$2" partition="${1}_PARTITION" more="${1}_OPTIONS"
    shift 2
    local options=() words=()
    [ -z "${!partition:-}" ] || options+=("--partition=${!partition}")
    [ -z "${ACCOUNT:-}" ] || options+=("--account=$ACCOUNT")
    read -ra words <<<"${!more:-}"
    sbatch --parsable --export=ALL "${options[@]}" "${words[@]}" "$@" "$script" | cut -d ';' -f 1 ||
        die "sbatch refused $kind job $script"
}

# Jobs that are submitted already do not stay if the others are refused.
submitted=()
leave() {
    local status=$?
    rm -rf -- "$task"
    [ "$status" = 0 ] || [ "${#submitted[@]}" = 0 ] || scancel "${submitted[@]}"
    exit "$status"
}
trap leave EXIT

settle_variables
export PROJECT_DIR DICOM_INPUT RUN_ROOT MODEL_DIR CACHE_DIR RUN_CONFIG="${RUN_CONFIG:-}"
if [ -n "${VENV:-}" ]; then export VENV; else export SIF_IMAGE; fi
plan="$RUN_ROOT/state/shards" logs="$RUN_ROOT/logs"
mkdir -p -- "$logs"
logs="${logs//%/%%}" # sbatch fills in what begins with %
after=()
case "${1:-}" in
    '')
        [[ ${SHARDS:-} =~ ^[1-9][0-9]*$ ]] || die 'SHARDS is not set: the number of tasks, such as 40'
        export SHARDS
        tasks="0-$((SHARDS - 1))"
        # An old plan must not stand in for one that could not be made.
        rm -f -- "$plan/plan.json"
        prepare="$(submit CPU slurm_prepare.sh --output="$logs/prepare_%j.log")"
        submitted+=("$prepare")
        after=(--dependency="afterok:$prepare" --kill-on-invalid-dep=yes)
        echo "prepare  job $prepare"
        ;;
    --missing)
        [ -e "$plan/plan.json" ] || die "there is no plan in $plan: run this without --missing first"
        if [ -s "$plan/missing.txt" ]; then tasks="$(cat -- "$plan/missing.txt")"; else tasks="$(unmarked)"; fi
        [ -n "$tasks" ] || {
            echo 'nothing is missing'
            exit 0
        }
        ;;
    --shards) tasks="${2:?name the shards, such as 3,7}" ;;
    *) die "unknown option $1: --missing, --shards 3,7, or none" ;;
esac
array="$(submit GPU slurm_shard.sh --output="$logs/shard_%a_%A.log" "${after[@]}" \
    --array="$tasks${MAX_TASKS:+%$MAX_TASKS}")"
submitted+=("$array")
echo "shards   job $array ($tasks)"
collect="$(submit CPU slurm_collect.sh --output="$logs/collect_%j.log" --dependency="afterany:$array")"
echo "collect  job $collect"
echo "logs     $RUN_ROOT/logs"
