# shellcheck shell=bash
# Functions of the scripts that submit several jobs: slurm_array.sh, slurm_train.sh. They source common.sh
# before this file, and set plan, the folder that holds the numbers of the jobs, and logs.
# shellcheck disable=SC2154 # plan and task are set there

# Print the jobs of the last submission that wait or run, without the job that runs this script.
alive() {
    local queue
    [ -s "$plan/jobs.txt" ] || return 0
    if ! queue="$(squeue --noheader --format=%F --jobs="$(cat -- "$plan/jobs.txt")" 2>&1)"; then
        [[ $queue == *'Invalid job id'* ]] ||
            die "cannot ask squeue which jobs wait or run: $queue; try again when SLURM answers"
        queue='' # SLURM has forgotten these jobs, so they have ended
    fi
    { grep -xE '[0-9]+' <<<"$queue" | grep -vx "${SLURM_JOB_ID:-none}" | sort -u | paste -sd ,; } || true
}

# submit CPU|GPU SCRIPT OPTION...: submit a script and print the number of the job.
submit() {
    local kind="$1" script="$PROJECT_DIR/singularity/$2" partition="${1}_PARTITION" more="${1}_OPTIONS"
    shift 2
    local options=() words=()
    [ -z "${!partition:-}" ] || options+=("--partition=${!partition}")
    [ -z "${ACCOUNT:-}" ] || options+=("--account=$ACCOUNT")
    read -ra words <<<"${!more:-}"
    sbatch --parsable --export=ALL "${options[@]}" "${words[@]}" "$@" "$script" | cut -d ';' -f 1 ||
        die "sbatch refused the $kind job $script: correct ${kind}_PARTITION, ${kind}_OPTIONS or ACCOUNT"
}

# If sbatch refuses a job, the jobs that were submitted before it are cancelled.
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

# begin_submission VARIABLE: make the folders. Stop if jobs of the last submission wait or run.
begin_submission() {
    local jobs
    mkdir -p -- "$plan" "$logs"
    logs="${logs//%/%%}" # sbatch would replace a pattern such as %j
    jobs="$(alive)"
    [ -z "$jobs" ] || die "jobs for this $1 wait or run: $jobs. Wait for their end, or: scancel ${jobs//,/ }"
}
