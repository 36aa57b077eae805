#!/usr/bin/env bash
# Scores a folder of DICOM in a container: the job ich_batch, and nothing of this machine but four folders.
set -euo pipefail

usage() {
    cat <<HELP
Usage: docker/run_pipeline.sh --dicom_dir DIR --run_root DIR --model_dir DIR [options]

Scores a folder of head CT DICOM in a Docker container. Research use only.

  --dicom_dir DIR            DICOM files, at any depth; only read      (\$DICOM_INPUT)
  --run_root DIR             results; made if missing                  (\$RUN_ROOT)
  --model_dir DIR            folder that holds 2DNet; only read        (\$MODEL_DIR)
  --cache_dir DIR            converted networks, kept between runs     (~/.cache/ich)
  --image IMAGE              the image to run                          (\$ICH_IMAGE, else ich)
  --cpu                      run on the CPU
  --n_jobs N                 DICOM files read at once
  --num_workers N            the same; the larger of the two counts
  --batch_size N             slices per network pass
  --auto_batch_size          the largest batch the GPU can hold
  --auto_batch_size_max N    bound of --auto_batch_size
  --image_size_override N    edge of the saliency input, in pixels
  --saliency_method METHOD   gradcampp, gradcam or input_grad
  --help                     this text

What is left out is as in conf/run.example.yaml. MAX_FOLDS_PER_BACKBONE and CUDA_VISIBLE_DEVICES are
handed on where they are set. The exit status is that of the job: 0 if every slice was scored.
HELP
}

fail() { # WHAT REMEDY
    printf 'run_pipeline.sh: %s\n  -> %s\n' "$1" "$2" >&2
    exit 2
}

image=${ICH_IMAGE:-ich}
dicom_dir=${DICOM_INPUT:-}
run_root=${RUN_ROOT:-}
model_dir=${MODEL_DIR:-}
cache_dir=
device=cuda
n_jobs=0
num_workers=0
batch_size=
auto_batch_size=
auto_batch_size_max=
image_size_override=
saliency_method=

whole_number() { # OPTION VALUE LEAST
    if ! [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || (($2 < $3)); then
        fail "$1 is '$2'" "give a whole number of at least $3"
    fi
}

while (($#)); do
    option=$1
    case $option in
        --help | -h)
            usage
            exit 0
            ;;
        --cpu)
            device=cpu
            shift
            continue
            ;;
        --auto_batch_size)
            auto_batch_size=true
            shift
            continue
            ;;
        --*=*)
            option=${1%%=*}
            value=${1#*=}
            shift
            ;;
        --*)
            (($# > 1)) || fail "$option needs a value" "see --help"
            value=$2
            shift 2
            ;;
        *) fail "'$option' is no option" "see --help" ;;
    esac
    [[ $value ]] || fail "$option is empty" "see --help"
    case $option in
        --image) image=$value ;;
        --dicom_dir) dicom_dir=$value ;;
        --run_root) run_root=$value ;;
        --model_dir) model_dir=$value ;;
        --cache_dir) cache_dir=$value ;;
        --n_jobs) whole_number "$option" "$value" 1 && n_jobs=$value ;;
        --num_workers) whole_number "$option" "$value" 0 && num_workers=$value ;;
        --batch_size) whole_number "$option" "$value" 1 && batch_size=$value ;;
        --auto_batch_size_max) whole_number "$option" "$value" 1 && auto_batch_size_max=$value ;;
        --image_size_override) whole_number "$option" "$value" 1 && image_size_override=$value ;;
        --saliency_method)
            [[ $value =~ ^(gradcampp|gradcam|input_grad)$ ]] ||
                fail "$option is '$value'" "choose gradcampp, gradcam or input_grad"
            saliency_method=$value
            ;;
        *) fail "'$option' is no option" "see --help" ;;
    esac
done

# The options as the job's run configuration: the one place that knows its fields.
run_config() {
    local threads=$((n_jobs > num_workers ? n_jobs : num_workers))
    echo "resources:"
    echo "  dicom: {config: {$( ((threads)) && echo "threads: $threads")}}"
    local sizes="${batch_size:+, batch_size: $batch_size}${auto_batch_size:+, auto_batch_size: $auto_batch_size}"
    sizes+="${auto_batch_size_max:+, auto_batch_size_max: $auto_batch_size_max}"
    echo "  networks: {config: {device: $device$sizes}}"
    echo "  saliency: {config: {${saliency_method:+method: $saliency_method, }${image_size_override:+image_size_override: $image_size_override}}}"
}

mounts=()
mount_folder() { # FOLDER TARGET [readonly]
    # The option is a line of CSV: quotes keep commas, a quote is doubled.
    mounts+=(--mount "type=bind,\"source=${1//\"/\"\"}\",\"target=${2//\"/\"\"}\"${3:+,$3}")
}

# Folders keep their path in the container, so that what tables and errors say holds outside too.
own_path() { # OPTION FOLDER
    case $2/ in
        // | /cache/ | /dagster/ | /home/ | /opt/ | /root/ | /run/ | /tmp/ | /var/)
            fail "$1 is $2, which the container has too" "give a folder below it"
            ;;
        /bin/* | /boot/* | /cache/ich/* | /dev/* | /etc/* | /lib/* | /lib32/* | /lib64/* | /libx32/* | /opt/ich/* | /proc/* | /sbin/* | /sys/* | /usr/*)
            fail "$1 is $2, which the container has too, or needs" "give a folder elsewhere"
            ;;
    esac
}

existing_folder() { # OPTION FOLDER
    [[ $2 ]] || fail "no $1" "see --help"
    [[ -d $2 ]] || fail "$1 $2 is not there, or no folder" "give a folder that exists"
    realpath -- "$2"
}

new_folder() { # OPTION FOLDER
    [[ $2 ]] || fail "no $1" "see --help"
    local folder
    folder=$(realpath -m -- "$2")
    [[ $folder/ != "$dicom_dir"/* ]] || fail "$1 $folder lies in the input, which is only read" "choose a folder outside of $dicom_dir"
    echo "$folder"
}

# The cache is mounted elsewhere, and writable: what lies in it would be so too.
apart_from_cache() { # OPTION FOLDER
    [[ $cache_dir/ != "$2"/* && $2/ != "$cache_dir"/* ]] ||
        fail "--cache_dir $cache_dir and $1 $2 overlap" "choose a folder apart, with --cache_dir"
}

make_folder() { # OPTION FOLDER
    mkdir -p -- "$2" 2>/dev/null && [[ -w $2 ]] ||
        fail "$1 $2 cannot be written" "choose another folder, or change its permissions"
}

if [[ ! $cache_dir ]]; then
    [[ ${XDG_CACHE_HOME:-}${HOME:-} ]] || fail "neither HOME nor XDG_CACHE_HOME is set" "name a folder with --cache_dir"
    cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/ich
fi
dicom_dir=$(existing_folder --dicom_dir "$dicom_dir")
model_dir=$(existing_folder --model_dir "$model_dir")
run_root=$(new_folder --run_root "$run_root")
cache_dir=$(new_folder --cache_dir "$cache_dir")
own_path --dicom_dir "$dicom_dir"
own_path --model_dir "$model_dir"
own_path --run_root "$run_root"
[[ $dicom_dir != "$model_dir" && $model_dir != "$run_root" ]] ||
    fail "--model_dir $model_dir is another option's folder too" "give each a folder of its own"
apart_from_cache --dicom_dir "$dicom_dir"
apart_from_cache --model_dir "$model_dir"
make_folder --run_root "$run_root"
make_folder --cache_dir "$cache_dir"
mount_folder "$dicom_dir" "$dicom_dir" readonly
mount_folder "$model_dir" "$model_dir" readonly
mount_folder "$run_root" "$run_root"
mount_folder "$cache_dir" /cache/ich
# Dagster's history of a large folder would fill the memory behind /tmp. A volume without a name goes with --rm.
mounts+=(--mount "type=volume,target=/dagster")

command -v docker >/dev/null || fail "there is no docker here" "install Docker, or use singularity/"
docker version >/dev/null 2>&1 ||
    fail "Docker does not answer" "start it; to use it, $(id -un) must be in the group docker"
docker image inspect "$image" >/dev/null 2>&1 ||
    fail "the image $image is not here" "docker build -t $image -f docker/Dockerfile . (or docker pull, or --image)"

reason() { # TEXT: its last line, but for those that Docker's client appends
    grep -v -e '^$' -e 'docker run --help' -e 'error waiting for container' <<<"$1" | tail -n 1
}

gpus=()
if [[ $device == cuda ]]; then
    gpus=(--gpus all)
    # What the driver says, without the seconds that importing torch takes.
    probe='import ctypes, sys; n = ctypes.CDLL("libcuda.so.1").cuInit(0); sys.exit(n and f"cuInit answers {n}")'
    said=$(docker run --rm "${gpus[@]}" --network none --entrypoint python3 "$image" -c "$probe" 2>&1 >/dev/null) ||
        fail "no NVIDIA GPU can be used in a container on this machine${said:+ ($(reason "$said"))}" \
            "add --cpu; or install the GPU's driver and NVIDIA's Container Toolkit (docs/docker.md)"
fi

# All groups of the caller: shared data are often readable for a group alone.
groups=()
for group in $(id -G); do
    groups+=(--group-add "$group")
done

# Docker's client hands Ctrl-C and SIGTERM on, and its exit status is the job's.
# shellcheck disable=SC2016 # the container's shell expands RUN_CONFIG
exec docker run --rm --init --read-only --tmpfs /tmp --network none --security-opt no-new-privileges \
    --user "$(id -u):$(id -g)" "${groups[@]}" "${gpus[@]}" "${mounts[@]}" \
    --env "DICOM_INPUT=$dicom_dir" --env "RUN_ROOT=$run_root" --env "MODEL_DIR=$model_dir" \
    --env DAGSTER_HOME=/dagster --env XDG_CACHE_HOME=/cache --env MAX_FOLDS_PER_BACKBONE --env CUDA_VISIBLE_DEVICES \
    --env "RUN_CONFIG=$(run_config)" "$image" \
    sh -c 'echo "$RUN_CONFIG" >/tmp/run.yaml && exec dagster job execute -m ich_assets.definitions -j ich_batch -c /tmp/run.yaml'
