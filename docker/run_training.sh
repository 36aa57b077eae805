#!/usr/bin/env bash
# Run one job of the learning half in a container. The container sees the folders of this machine that are
# named, and nothing else.
set -euo pipefail

usage() {
    cat <<HELP
Usage: docker/run_training.sh --train_root DIR [options]

Trains the networks, or makes what a training needs, in a Docker container. Research use only.

  --job JOB            ich_dataset, ich_train (default), ich_sequence, ich_submission, ich_evaluate_oof or
                       ich_evaluate
  --train_root DIR     everything of a training; created if missing            (\$TRAIN_ROOT)
  --dicom_dir DIR      DICOM files of the data set; mounted read-only          (\$DICOM_INPUT)
  --labels FILE        labels; mounted read-only                               (\$LABELS)
  --imagenet_dir DIR   first weights; mounted read-only                        (\$IMAGENET_DIR)
  --model_dir DIR      released checkpoints, to fine-tune; mounted read-only   (\$MODEL_DIR)
  --run_root DIR       results that ich_evaluate judges; it writes there       (\$RUN_ROOT)
  --more_dir DIR       one more folder, mounted read-only; may be given again
  --config FILE        run configuration, like conf/train.example.yaml
  --image IMAGE        the Docker image to run                                 (\$ICH_IMAGE, else ich)
  --cpu                train on the CPU
  --help               print this text

Without --cpu a job that runs networks needs an NVIDIA GPU. The exit status is that of the job.
HELP
}

# shellcheck source=docker/running.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/running.sh"

image=${ICH_IMAGE:-ich}
job=ich_train
device=cuda
config=
more=()
declare -A given=(
    [train_root]=${TRAIN_ROOT:-} [dicom_dir]=${DICOM_INPUT:-} [labels]=${LABELS:-}
    [imagenet_dir]=${IMAGENET_DIR:-} [model_dir]=${MODEL_DIR:-} [run_root]=${RUN_ROOT:-}
)
declare -A variables=(
    [train_root]=TRAIN_ROOT [dicom_dir]=DICOM_INPUT [labels]=LABELS
    [imagenet_dir]=IMAGENET_DIR [model_dir]=MODEL_DIR [run_root]=RUN_ROOT
)

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
        --config) config=$value ;;
        --more_dir) more+=("$value") ;;
        --job)
            [[ $value =~ ^ich_(dataset|train|sequence|submission|evaluate|evaluate_oof)$ ]] ||
                fail "$option is '$value'" "choose ich_dataset, ich_train, ich_sequence, ich_submission, ich_evaluate_oof or ich_evaluate"
            job=$value
            ;;
        *)
            [[ -v variables[${option#--}] ]] || fail "'$option' is not an option" "see --help"
            given[${option#--}]=$value
            ;;
    esac
done

readable_file() { # OPTION FILE
    [[ -f $2 && -r $2 ]] || fail "$1 $2 is not a file that can be read" "correct the path"
    realpath -- "$2"
}

environment=()
hand_on() { # NAME PATH [readonly]
    mount_folder "$2" "$2" "${3:-}"
    environment+=(--env "${variables[$1]}=$2")
}

if [[ $job == ich_evaluate ]]; then
    [[ ${given[run_root]} ]] || fail "--run_root is not set" "see --help"
    given[train_root]= # it judges a run root alone
else
    [[ ${given[train_root]} ]] || fail "--train_root is not set" "see --help"
    given[train_root]=$(realpath -m -- "${given[train_root]}")
    own_path --train_root "${given[train_root]}"
fi
for name in dicom_dir imagenet_dir model_dir run_root; do
    [[ ${given[$name]} ]] || continue
    given[$name]=$(existing_folder "--$name" "${given[$name]}")
    own_path "--$name" "${given[$name]}"
done
[[ ! ${given[dicom_dir]} || ${given[train_root]}/ != "${given[dicom_dir]}"/* ]] ||
    fail "--train_root ${given[train_root]} is inside --dicom_dir, which is mounted read-only" "choose a folder outside ${given[dicom_dir]}"
[[ ! ${given[labels]} ]] || given[labels]=$(readable_file --labels "${given[labels]}")
[[ ! $config ]] || config=$(readable_file --config "$config")
[[ ! ${given[train_root]} ]] || make_folder --train_root "${given[train_root]}"
# Folders that are written come first: others may be inside them and must stay read-only there.
for name in train_root run_root; do
    [[ ! ${given[$name]} ]] || hand_on "$name" "${given[$name]}"
done
for name in dicom_dir imagenet_dir model_dir; do
    [[ ! ${given[$name]} ]] || hand_on "$name" "${given[$name]}" readonly
done
[[ ! ${given[labels]} ]] || hand_on labels "${given[labels]}" readonly
for folder in "${more[@]}"; do
    folder=$(existing_folder --more_dir "$folder")
    own_path --more_dir "$folder"
    mount_folder "$folder" "$folder" readonly
done
text=
[[ ! $config ]] || text=$(<"$config")
# /tmp is in memory, and Dagster's history of a long training would fill it. So the history gets a volume.
# Docker removes a volume without a name at the end (--rm).
mounts+=(--mount "type=volume,target=/dagster")

require_image
case $job in
    ich_dataset | ich_evaluate | ich_evaluate_oof) device=cpu ;;
    *) use_gpus ;;
esac

# Docker's client passes Ctrl-C and SIGTERM on to the job. Its exit status is the exit status of the job.
# shellcheck disable=SC2016 # the container's shell expands these variables
exec docker run --rm --init --read-only --tmpfs /tmp --network none --security-opt no-new-privileges \
    --user "$(id -u):$(id -g)" "${groups[@]}" "${gpus[@]}" "${mounts[@]}" "${environment[@]}" \
    --env DAGSTER_HOME=/dagster --env XDG_CACHE_HOME=/tmp/cache --env CUDA_VISIBLE_DEVICES --env "JOB=$job" \
    --env "RUN_CONFIG=${text:-{\}}" --env "DEVICE=resources: {training: {config: {device: $device}}, sequence: {config: {device: $device}}}" "$image" \
    sh -c 'printf "%s\n" "$RUN_CONFIG" >/tmp/run.yaml && echo "$DEVICE" >/tmp/device.yaml &&
        exec dagster job execute -m ich_assets.definitions -j "$JOB" -c /tmp/run.yaml -c /tmp/device.yaml'
