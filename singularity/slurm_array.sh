#!/bin/bash
# Score a large folder as a job array: prepare, SHARDS tasks, and a collector after them all.
#   SHARDS=40 DICOM_INPUT=/data/dicom RUN_ROOT=/data/results bash singularity/slurm_array.sh
# Run it where sbatch is, with bash. What is missing the collector submits again itself, RESUBMIT
# times; after that, and once every job has ended:
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

# Jobs of the last submission that wait or run; the one that this runs in apart.
alive() {
    local said
    [ -s "$plan/jobs.txt" ] || return 0
    if ! said="$(squeue --noheader --format=%F --jobs="$(cat -- "$plan/jobs.txt")" 2>&1)"; then
        [[ $said == *'Invalid job id'* ]] || die "squeue does not say whether jobs are alive: $said"
        said='' # all forgotten, so all over
    fi
    { grep -xE '[0-9]+' <<<"$said" | grep -vx "${SLURM_JOB_ID:-none}" | sort -u | paste -sd ,; } || true
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
keep() {
    submitted+=("$1")
    (IFS=, && echo "${submitted[*]}") >"$plan/jobs.txt"
}
leave() {
    local status=$?
    rm -rf -- "$task"
    [ "$status" = 0 ] || [ "${#submitted[@]}" = 0 ] || scancel "${submitted[@]}"
    exit "$status"
}
trap leave EXIT

settle_variables
[[ ${RESUBMIT:=1} =~ ^[0-9]$ ]] || die "RESUBMIT is $RESUBMIT: how often to try again, from 0 to 9"
export RESUBMIT PROJECT_DIR DICOM_INPUT RUN_ROOT MODEL_DIR CACHE_DIR RUN_CONFIG="${RUN_CONFIG:-}"
if [ -n "${VENV:-}" ]; then export VENV; else export SIF_IMAGE; fi
plan="$RUN_ROOT/state/shards" logs="$RUN_ROOT/logs"
mkdir -p -- "$plan" "$logs"
logs="${logs//%/%%}" # sbatch fills in what begins with %
jobs="$(alive)"
[ -z "$jobs" ] || die "jobs for this RUN_ROOT wait or run: $jobs. Let them end, or: scancel ${jobs//,/ }"
after=()
case "${1:-}" in
    '')
        [[ ${SHARDS:-} =~ ^[1-9][0-9]*$ ]] || die 'SHARDS is not set: the number of tasks, such as 40'
        export SHARDS
        tasks="0-$((SHARDS - 1))"
        # An old plan must not stand in for one that could not be made.
        rm -f -- "$plan/plan.json"
        prepare="$(submit CPU slurm_prepare.sh --output="$logs/prepare_%j.log")"
        keep "$prepare"
        after=(--dependency="afterok:$prepare" --kill-on-invalid-dep=yes)
        echo "prepare  job $prepare"
        ;;
    --missing)
        [ -e "$plan/plan.json" ] || die "there is no plan in $plan: run this without --missing first"
        if [ -s "$plan/missing.txt" ]; then tasks="$(cat -- "$plan/missing.txt")"; else tasks="$(unmarked)"; fi
        # Every shard may be done and the collector have died: then it alone runs again.
        if [ -z "$tasks" ] && [ -e "$plan/collected.json" ]; then
            echo 'nothing is missing'
            exit
        fi
        ;;
    --shards) tasks="${2:?name the shards, such as 3,7}" ;;
    *) die "unknown option $1: --missing, --shards 3,7, or none" ;;
esac
# From here on the markers of the shards tell what is missing, and the tables are old.
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
