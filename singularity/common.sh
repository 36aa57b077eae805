# shellcheck shell=bash
# What the scripts of this folder share; sourced, never run. docs/slurm.md lists the variables.

# Say what is wrong and what to do, and stop.
die() {
    printf 'ich: %s\n' "$*" >&2
    exit 2
}

# Print an existing folder, named by a variable, as an absolute path. Symbolic links stay as they
# are: the tables name files as the user does.
folder() {
    local path="${!1:-}"
    [ -n "$path" ] || die "$1 is not set: $2"
    [ -d "$path" ] || die "$1 is no folder here: $path"
    realpath -s -- "$path"
}

# Refuse a folder, named by a variable, that is to be written to and lies in the input. Both may be
# symbolic links, and it need not be there yet.
require_apart() {
    local input path
    input="$(realpath -m -- "$DICOM_INPUT")"
    path="$(realpath -m -- "${!1}")"
    [[ $path/ != "${input%/}"/* ]] ||
        die "$1 lies in DICOM_INPUT, which is only read: $path; name a folder outside it"
}

# Set and check every variable of a job; leaves absolute paths in them.
settle_variables() {
    DICOM_INPUT="$(folder DICOM_INPUT 'the folder of DICOM files, which is only read')"
    [ -n "${RUN_ROOT:-}" ] || die 'RUN_ROOT is not set: the folder for results'
    CACHE_DIR="${CACHE_DIR:-$RUN_ROOT/cache}"
    require_apart RUN_ROOT
    require_apart CACHE_DIR
    mkdir -p -- "$RUN_ROOT" || die "RUN_ROOT cannot be made: $RUN_ROOT"
    RUN_ROOT="$(folder RUN_ROOT 'the folder for results')"
    MODEL_DIR="${MODEL_DIR:-$PROJECT_DIR/models}"
    MODEL_DIR="$(folder MODEL_DIR 'the folder that holds 2DNet')"
    mkdir -p -- "$CACHE_DIR" || die "CACHE_DIR cannot be made: $CACHE_DIR"
    CACHE_DIR="$(folder CACHE_DIR 'the folder for converted networks')"
    if [ -n "${RUN_CONFIG:-}" ]; then
        [ -r "$RUN_CONFIG" ] || die "RUN_CONFIG cannot be read: $RUN_CONFIG"
        RUN_CONFIG="$(realpath -s -- "$RUN_CONFIG")"
    fi
    if [ -z "${VENV:-}" ]; then
        SIF_IMAGE="${SIF_IMAGE:-$PROJECT_DIR/singularity/ich.sif}"
        [ -e "$SIF_IMAGE" ] || die "there is no image $SIF_IMAGE: make it with" \
            "$PROJECT_DIR/singularity/build_container.sh, or set SIF_IMAGE"
        SIF_IMAGE="$(realpath -s -- "$SIF_IMAGE")"
    else
        [ -x "$VENV/bin/dagster" ] || die "VENV has no bin/dagster: $VENV"
        VENV="$(realpath -s -- "$VENV")"
    fi
}

# Load the site's module, where one is named. A batch job has the function `module` only if the
# submitting shell had it.
load_module() {
    [ -n "${SINGULARITY_MODULE:-}" ] || return 0
    local init
    set +eu # the sites' own files are written for neither
    for init in "${MODULESHOME:-/nowhere}/init/bash" /etc/profile.d/modules.sh \
        /etc/profile.d/lmod.sh /usr/share/modules/init/bash /usr/share/lmod/lmod/init/bash; do
        [ "$(type -t module)" != function ] || break
        # shellcheck source=/dev/null
        [ ! -r "$init" ] || . "$init"
    done
    [ "$(type -t module)" = function ] || die "SINGULARITY_MODULE is $SINGULARITY_MODULE," \
        'and this machine has no environment modules: leave it empty if singularity is in PATH'
    module load "$SINGULARITY_MODULE" || die "module load $SINGULARITY_MODULE failed"
    set -eu
}

# Whether this job was given a GPU.
has_gpu() { [ -n "${CUDA_VISIBLE_DEVICES:-}${SLURM_JOB_GPUS:-}" ]; }

# Write the device that networks run on as run configuration.
write_device() {
    [[ ${DEVICE:=cuda} =~ ^(auto|cpu|cuda(:[0-9]+)?)$ ]] ||
        die "DEVICE is $DEVICE: choose auto, cpu, cuda or cuda:0"
    printf 'resources: {networks: {config: {device: "%s"}}}\n' "$DEVICE" >"$task/device.yaml"
}

# After write_device: a job that was to have a GPU and got none is not for the CPU.
require_gpu() {
    has_gpu || [[ $DEVICE != cuda* ]] ||
        die 'this job was given no GPU: ask for one (--gres=gpu:1), or set DEVICE=cpu'
}

# Print one value of a --mount option, which is CSV: commas, colons and quotes need no care then.
csv() { printf '"%s"' "${1//\"/\"\"}"; }
mount_of() { csv "source=$1" && printf ',' && csv "destination=$1" && printf ',type=bind%s' "${2:-}"; }

# Hand a variable on into the container; --env would cut a value at its commas.
hand_on() { export "APPTAINERENV_$1=$2" "SINGULARITYENV_$1=$2"; }

# A folder of this task's own on the node, gone when it ends.
task=''
trap 'rm -rf -- "$task"' EXIT
# SLURM's SIGTERM goes to the whole job: with a trap bash waits for the run to end, then cleans up.
trap 'exit 143' TERM
task="$(mktemp -d "${TMPDIR:-/tmp}/ich-XXXXXXXX")" || die 'no temporary folder: set TMPDIR'

# run_job JOB: run a Dagster job on these folders, with a Dagster home that is this task's alone.
# Files *.yaml in $task are added to its run configuration. In a subshell: what is exported here is for
# this job, not for one that the caller may submit.
run_job() (
    local job="$1" file command=(dagster) config=()
    [ -z "${RUN_CONFIG:-}" ] || cp -- "$RUN_CONFIG" "$task/0.yaml"
    for file in "$task"/*.yaml; do
        [ ! -e "$file" ] || config+=(-c "$file")
    done
    mkdir "$task/home"
    # Telemetry writes to the user's home, which may be read-only here. The capture of what steps
    # print loses their last lines now and then; SLURM keeps the output anyway.
    cat >"$task/home/dagster.yaml" <<'YAML'
telemetry: {enabled: false}
nux: {enabled: false}
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
YAML
    local names=(DAGSTER_HOME DICOM_INPUT RUN_ROOT MODEL_DIR XDG_CACHE_HOME MPLCONFIGDIR TMPDIR)
    export DAGSTER_HOME="$task/home" DICOM_INPUT RUN_ROOT MODEL_DIR
    export XDG_CACHE_HOME="$CACHE_DIR" MPLCONFIGDIR="$task" TMPDIR="$task"
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"
    names+=(OMP_NUM_THREADS CUDA_VISIBLE_DEVICES MAX_FOLDS_PER_BACKBONE)
    cd "$task" || die "no folder $task" # else the container would see the folder of submission
    if [ -n "${VENV:-}" ]; then
        command=("$VENV/bin/dagster")
    else
        load_module
        local engine name
        engine="$(command -v singularity || command -v apptainer)" ||
            die 'neither singularity nor apptainer is in PATH: set SINGULARITY_MODULE'
        for name in "${names[@]}"; do
            [ -z "${!name+set}" ] || hand_on "$name" "${!name}"
        done
        command=("$engine" exec --cleanenv --no-home --pwd "$task")
        [ "${DEVICE:-}" = cpu ] || ! has_gpu || command+=(--nv)
        # RUN_ROOT first: the others may lie below it, and stay read-only there.
        command+=(--mount "$(mount_of "$RUN_ROOT")" --mount "$(mount_of "$CACHE_DIR")")
        command+=(--mount "$(mount_of "$task")")
        command+=(--mount "$(mount_of "$DICOM_INPUT" ,ro)" --mount "$(mount_of "$MODEL_DIR" ,ro)")
        command+=("$SIF_IMAGE" dagster)
    fi
    echo "ich: $job on $(hostname), $DICOM_INPUT -> $RUN_ROOT"
    # exec: SLURM's SIGTERM is for Dagster to answer, and a subshell that it ended would hide that.
    exec "${command[@]}" job execute -m ich_assets.definitions -j "$job" "${config[@]}"
)
