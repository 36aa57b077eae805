#!/usr/bin/env bash
# Score a folder of DICOM files in a container. The container runs the job ich_batch and sees four folders
# of this machine only.
set -euo pipefail

usage() {
    cat <<HELP
Usage: docker/run_pipeline.sh --dicom_dir DIR --run_root DIR --model_dir DIR [options]

Scores a folder of head CT DICOM in a Docker container. Research use only.

  --dicom_dir DIR            DICOM files, at any depth; mounted read-only  (\$DICOM_INPUT)
  --run_root DIR             results; created if missing                   (\$RUN_ROOT)
  --model_dir DIR            folder that holds 2DNet; mounted read-only    (\$MODEL_DIR)
  --cache_dir DIR            converted networks, kept between runs         (~/.cache/ich)
  --image IMAGE              the Docker image to run                       (\$ICH_IMAGE, else ich)
  --cpu                      run on the CPU
  --n_jobs N                 number of DICOM files read at once
  --num_workers N            same as --n_jobs; the larger of the two is used
  --batch_size N             slices per network pass
  --auto_batch_size          use the largest batch that fits into GPU memory
  --auto_batch_size_max N    largest batch that --auto_batch_size tries
  --image_size_override N    edge of the saliency input, in pixels
  --saliency_method METHOD   gradcampp, gradcam or input_grad
  --help                     print this text

Without --cpu the job needs an NVIDIA GPU. Every other option that you leave out has the default of
conf/run.example.yaml. The container gets the variables MAX_FOLDS_PER_BACKBONE and
CUDA_VISIBLE_DEVICES if they are set. The exit status is the exit status of the job: 0 if every slice
was scored.
HELP
}

# shellcheck source=docker/running.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/running.sh"

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
        *) fail "'$option' is not an option" "see --help" ;;
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
        *) fail "'$option' is not an option" "see --help" ;;
    esac
done

# Print the options as the run configuration of the job. Only this function knows the fields of the job.
run_config() {
    local threads=$((n_jobs > num_workers ? n_jobs : num_workers))
    echo "resources:"
    echo "  dicom: {config: {$( ((threads)) && echo "threads: $threads")}}"
    local sizes="${batch_size:+, batch_size: $batch_size}${auto_batch_size:+, auto_batch_size: $auto_batch_size}"
    sizes+="${auto_batch_size_max:+, auto_batch_size_max: $auto_batch_size_max}"
    echo "  networks: {config: {device: $device$sizes}}"
    echo "  saliency: {config: {${saliency_method:+method: $saliency_method, }${image_size_override:+image_size_override: $image_size_override}}}"
}

new_folder() { # OPTION FOLDER
    [[ $2 ]] || fail "$1 is not set" "see --help"
    local folder
    folder=$(realpath -m -- "$2")
    [[ $folder/ != "$dicom_dir"/* ]] || fail "$1 $folder is inside --dicom_dir, which is mounted read-only" "choose a folder outside $dicom_dir"
    echo "$folder"
}

# The cache is mounted under another path and is writable. The input must not become writable through it.
apart_from_cache() { # OPTION FOLDER
    [[ $cache_dir/ != "$2"/* && $2/ != "$cache_dir"/* ]] ||
        fail "--cache_dir $cache_dir and $1 $2 overlap" "choose another folder with --cache_dir"
}

if [[ ! $cache_dir ]]; then
    [[ ${XDG_CACHE_HOME:-}${HOME:-} ]] || fail "neither HOME nor XDG_CACHE_HOME is set" "choose a folder with --cache_dir"
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
    fail "--model_dir $model_dir is also the folder of another option" "choose a different folder for each option"
apart_from_cache --dicom_dir "$dicom_dir"
apart_from_cache --model_dir "$model_dir"
make_folder --run_root "$run_root"
make_folder --cache_dir "$cache_dir"
mount_folder "$dicom_dir" "$dicom_dir" readonly
mount_folder "$model_dir" "$model_dir" readonly
mount_folder "$run_root" "$run_root"
mount_folder "$cache_dir" /cache/ich
# /tmp is in memory, and Dagster's history of a large folder would fill it. So the history gets a volume.
# Docker removes a volume without a name at the end (--rm).
mounts+=(--mount "type=volume,target=/dagster")

require_image
use_gpus

# Docker's client passes Ctrl-C and SIGTERM on to the job. Its exit status is the exit status of the job.
# shellcheck disable=SC2016 # the container's shell expands RUN_CONFIG
exec docker run --rm --init --read-only --tmpfs /tmp --network none --security-opt no-new-privileges \
    --user "$(id -u):$(id -g)" "${groups[@]}" "${gpus[@]}" "${mounts[@]}" \
    --env "DICOM_INPUT=$dicom_dir" --env "RUN_ROOT=$run_root" --env "MODEL_DIR=$model_dir" \
    --env DAGSTER_HOME=/dagster --env XDG_CACHE_HOME=/cache --env MAX_FOLDS_PER_BACKBONE --env CUDA_VISIBLE_DEVICES \
    --env "RUN_CONFIG=$(run_config)" "$image" \
    sh -c 'echo "$RUN_CONFIG" >/tmp/run.yaml && exec dagster job execute -m ich_assets.definitions -j ich_batch -c /tmp/run.yaml'
