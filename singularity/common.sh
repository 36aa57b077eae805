# shellcheck shell=bash
# Functions of the scripts in this folder, which source this file. docs/slurm.md lists the variables.

# Print what is wrong and what to do, and stop.
die() {
    printf 'ich: %s\n' "$*" >&2
    exit 2
}

# folder VARIABLE DESCRIPTION: print the absolute path of the folder that a variable names. Symbolic
# links are not resolved, so that tables name files by the user's paths.
folder() {
    local path="${!1:-}"
    [ -n "$path" ] || die "$1 is not set: $2"
    [ -d "$path" ] || die "$1 is not a folder on this machine: $path; correct the path"
    realpath -s -- "$path"
}

# require_apart VARIABLE: stop if the output folder that a variable names is inside the input. Both may
# be symbolic links. The output folder may be missing. Without an input nothing is checked.
require_apart() {
    [ -n "${DICOM_INPUT:-}" ] || return 0
    local input path
    input="$(realpath -m -- "$DICOM_INPUT")"
    path="$(realpath -m -- "${!1}")"
    [[ $path/ != "${input%/}"/* ]] ||
        die "$1 is inside DICOM_INPUT, where nothing is written: $path; choose a folder outside it"
}

# output_folder VARIABLE DESCRIPTION: make the folder that a variable names, and its path absolute.
output_folder() {
    local path
    mkdir -p -- "${!1}" || die "cannot create $1 ${!1}: choose a folder that you may write"
    path="$(folder "$1" "set it to the folder for $2")"
    printf -v "$1" %s "$path"
}

# Check every variable of a job that scores, set defaults, and make paths absolute.
settle_variables() {
    DICOM_INPUT="$(folder DICOM_INPUT 'set it to the folder of DICOM files')"
    [ -n "${RUN_ROOT:-}" ] || die 'RUN_ROOT is not set: set it to the folder for results'
    CACHE_DIR="${CACHE_DIR:-$RUN_ROOT/cache}"
    require_apart RUN_ROOT
    require_apart CACHE_DIR
    output_folder RUN_ROOT results
    MODEL_DIR="${MODEL_DIR:-$PROJECT_DIR/models}"
    MODEL_DIR="$(folder MODEL_DIR 'set it to the folder that holds 2DNet')"
    output_folder CACHE_DIR 'converted networks'
    settle_program
    shown="$DICOM_INPUT -> $RUN_ROOT"
    # The output comes first: the other folders may be inside it and must stay read-only there.
    written=("$RUN_ROOT" "$CACHE_DIR") read_only=("$DICOM_INPUT" "$MODEL_DIR")
    handed=(DICOM_INPUT RUN_ROOT MODEL_DIR)
}

# The same for a job of a training. Only TRAIN_ROOT must be set; the job says what else it needs.
settle_training() {
    local name path
    written=() read_only=() handed=(TRAIN_ROOT)
    [ -n "${TRAIN_ROOT:-}" ] || die 'TRAIN_ROOT is not set: set it to the folder for everything of a training'
    for name in DICOM_INPUT IMAGENET_DIR MODEL_DIR; do
        [ -n "${!name:-}" ] || continue
        path="$(folder "$name" 'correct the path, or unset it')"
        printf -v "$name" %s "$path"
        read_only+=("$path") handed+=("$name")
    done
    if [ -n "${LABELS:-}" ]; then
        [ -r "$LABELS" ] || die "cannot read LABELS $LABELS: check its path and permissions"
        LABELS="$(realpath -s -- "$LABELS")"
        read_only+=("$LABELS") handed+=(LABELS)
    fi
    CACHE_DIR="${CACHE_DIR:-$TRAIN_ROOT/cache}"
    require_apart TRAIN_ROOT
    require_apart CACHE_DIR
    output_folder TRAIN_ROOT 'everything of a training'
    output_folder CACHE_DIR 'files that libraries keep'
    settle_program
    shown="$TRAIN_ROOT"
    written=("$TRAIN_ROOT" "$CACHE_DIR")
}

# Check RUN_CONFIG, and the image or the virtual environment.
settle_program() {
    if [ -n "${RUN_CONFIG:-}" ]; then
        [ -r "$RUN_CONFIG" ] || die "cannot read RUN_CONFIG $RUN_CONFIG: check its path and permissions"
        RUN_CONFIG="$(realpath -s -- "$RUN_CONFIG")"
    fi
    if [ -z "${VENV:-}" ]; then
        SIF_IMAGE="${SIF_IMAGE:-$PROJECT_DIR/singularity/ich.sif}"
        [ -e "$SIF_IMAGE" ] || die "the image $SIF_IMAGE does not exist: make it with" \
            "$PROJECT_DIR/singularity/build_container.sh, or set SIF_IMAGE"
        SIF_IMAGE="$(realpath -s -- "$SIF_IMAGE")"
    else
        [ -x "$VENV/bin/dagster" ] || die "VENV has no bin/dagster: $VENV; set it to a virtual environment with the project"
        VENV="$(realpath -s -- "$VENV")"
    fi
}

# Load the module that SINGULARITY_MODULE names, if it is set. A batch job has the function `module`
# only if the submitting shell had it. Otherwise this function reads the files that define it.
load_module() {
    [ -n "${SINGULARITY_MODULE:-}" ] || return 0
    local init
    set +eu # the files of a site may fail with -e or -u
    for init in "${MODULESHOME:-/nowhere}/init/bash" /etc/profile.d/modules.sh \
        /etc/profile.d/lmod.sh /usr/share/modules/init/bash /usr/share/lmod/lmod/init/bash; do
        [ "$(type -t module)" != function ] || break
        # shellcheck source=/dev/null
        [ ! -r "$init" ] || . "$init"
    done
    [ "$(type -t module)" = function ] || die "SINGULARITY_MODULE is $SINGULARITY_MODULE," \
        'but this machine has no environment modules: unset it if singularity is in PATH'
    module load "$SINGULARITY_MODULE" || die "module load $SINGULARITY_MODULE failed"
    set -eu
}

# True if SLURM gave this job a GPU.
has_gpu() { [ -n "${CUDA_VISIBLE_DEVICES:-}${SLURM_JOB_GPUS:-}" ]; }

# write_device RESOURCE...: write a file of run configuration with the device of each resource. Without
# arguments it is that of the networks.
write_device() {
    local resource
    [[ ${DEVICE:=cuda} =~ ^(auto|cpu|cuda(:[0-9]+)?)$ ]] ||
        die "DEVICE is $DEVICE: choose auto, cpu, cuda or cuda:0"
    printf 'resources:\n' >"$task/device.yaml"
    for resource in "${@:-networks}"; do
        printf '  %s: {config: {device: "%s"}}\n' "$resource" "$DEVICE" >>"$task/device.yaml"
    done
}

# Stop if DEVICE is a GPU and the job has none. Such a job never runs on the CPU instead. Call
# write_device first.
require_gpu() {
    has_gpu || [[ $DEVICE != cuda* ]] ||
        die 'SLURM gave this job no GPU: ask for one (--gres=gpu:1), or set DEVICE=cpu'
}

# Print one value of a --mount option. The option is CSV, so a quoted value may hold commas and colons.
csv() { printf '"%s"' "${1//\"/\"\"}"; }
mount_of() { csv "source=$1" && printf ',' && csv "destination=$1" && printf ',type=bind%s' "${2:-}"; }

# hand_on NAME VALUE: set a variable in the container. The option --env would cut a value at a comma.
hand_on() { export "APPTAINERENV_$1=$2" "SINGULARITYENV_$1=$2"; }

# A temporary folder of this task on the node. It is removed when the task ends.
task=''
trap 'rm -rf -- "$task"' EXIT
# SLURM sends SIGTERM to the whole job. With this trap bash waits for the run to end and then cleans up.
trap 'exit 143' TERM
task="$(mktemp -d "${TMPDIR:-/tmp}/ich-XXXXXXXX")" || die 'cannot create a temporary folder: set TMPDIR to a folder that you may write'

# run_job JOB: run a Dagster job on these folders. Only this task uses its Dagster home. The run
# configuration is RUN_CONFIG and all files *.yaml in $task. The function runs in a subshell, so that
# its variables do not reach a job that the caller submits later.
run_job() (become_job "$1")

# run_job_until_told JOB: the same, for a script with --signal=B:TERM: SLURM then sends SIGTERM to the
# script alone, some time before the time limit. It is handed on, and the job saves what it has. told is
# set if that happened.
run_job_until_told() {
    local child status=0
    # shellcheck disable=SC2034 # slurm_train_fold.sh reads it
    told=''
    become_job "$1" &
    child=$!
    # shellcheck disable=SC2064 # the number as it is now
    trap "told=1; kill -TERM $child 2>/dev/null || :" TERM
    while kill -0 "$child" 2>/dev/null; do # a trap ends `wait` early
        wait "$child" || :
    done
    wait "$child" || status=$?
    trap 'exit 143' TERM
    return "$status"
}

# become_job JOB: replace this shell by a Dagster job.
become_job() {
    local job="$1" file command=(dagster) config=()
    [ -z "${RUN_CONFIG:-}" ] || cp -- "$RUN_CONFIG" "$task/0.yaml"
    for file in "$task"/*.yaml; do
        [ ! -e "$file" ] || config+=(-c "$file")
    done
    mkdir -p "$task/home"
    # Telemetry would write to the user's home, which may be read-only on a node. Dagster's capture of
    # the output of steps sometimes loses the last lines. SLURM keeps the output anyway.
    cat >"$task/home/dagster.yaml" <<'YAML'
telemetry: {enabled: false}
nux: {enabled: false}
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
YAML
    local names=(DAGSTER_HOME "${handed[@]}" XDG_CACHE_HOME MPLCONFIGDIR TMPDIR)
    export DAGSTER_HOME="$task/home" "${handed[@]}"
    export XDG_CACHE_HOME="$CACHE_DIR" MPLCONFIGDIR="$task" TMPDIR="$task"
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"
    names+=(OMP_NUM_THREADS CUDA_VISIBLE_DEVICES MAX_FOLDS_PER_BACKBONE)
    # Otherwise the container would see the folder from which the job was submitted.
    cd "$task" || die "cannot enter the temporary folder $task: run the job again"
    if [ -n "${VENV:-}" ]; then
        command=("$VENV/bin/dagster")
    else
        load_module
        local engine name
        engine="$(command -v singularity || command -v apptainer)" ||
            die 'neither singularity nor apptainer is in PATH: set SINGULARITY_MODULE to its module'
        for name in "${names[@]}"; do
            [ -z "${!name+set}" ] || hand_on "$name" "${!name}"
        done
        command=("$engine" exec --cleanenv --no-home --pwd "$task")
        [ "${DEVICE:-}" = cpu ] || ! has_gpu || command+=(--nv)
        for name in "${written[@]}" "$task"; do command+=(--mount "$(mount_of "$name")"); done
        for name in "${read_only[@]}"; do command+=(--mount "$(mount_of "$name" ,ro)"); done
        command+=("$SIF_IMAGE" dagster)
    fi
    echo "ich: $job on $(hostname), $shown"
    # exec: Dagster itself must get SLURM's SIGTERM. A subshell that ends on SIGTERM would hide the answer.
    exec "${command[@]}" job execute -m ich_assets.definitions -j "$job" "${config[@]}"
}
