# shellcheck shell=bash
# Functions of run_pipeline.sh and run_training.sh, which source this file: folders of this machine in a
# container, and what they ask Docker for before they start one.
# shellcheck disable=SC2154 # those scripts set image and device

fail() { # WHAT REMEDY
    printf '%s: %s\n  -> %s\n' "${0##*/}" "$1" "$2" >&2
    exit 2
}

mounts=()
mount_folder() { # FOLDER TARGET [readonly]
    # Docker reads the value of --mount as a line of CSV. So each part is quoted, and a quote is doubled.
    mounts+=(--mount "type=bind,\"source=${1//\"/\"\"}\",\"target=${2//\"/\"\"}\"${3:+,$3}")
}

# Folders have the same path in the container as outside, so that paths in tables and errors are right
# outside too. A folder of the container must not be hidden.
own_path() { # OPTION FOLDER
    case $2/ in
        // | /cache/ | /dagster/ | /home/ | /opt/ | /root/ | /run/ | /tmp/ | /var/)
            fail "$1 is $2, a path that the container uses itself" "give a folder below it"
            ;;
        /bin/* | /boot/* | /cache/ich/* | /dev/* | /etc/* | /lib/* | /lib32/* | /lib64/* | /libx32/* | /opt/ich/* | /proc/* | /sbin/* | /sys/* | /usr/*)
            fail "$1 is $2, a path that the container uses itself" "give a folder elsewhere"
            ;;
    esac
}

existing_folder() { # OPTION FOLDER
    [[ $2 ]] || fail "$1 is not set" "see --help"
    [[ -d $2 ]] || fail "$1 $2 does not exist or is not a folder" "give a folder that exists"
    realpath -- "$2"
}

make_folder() { # OPTION FOLDER
    mkdir -p -- "$2" 2>/dev/null && [[ -w $2 ]] ||
        fail "$1 $2 cannot be written" "choose another folder, or change its permissions"
}

# Stop if there is no Docker, or no image of the name in $image.
require_image() {
    command -v docker >/dev/null || fail "the command docker was not found" "install Docker, or use singularity/"
    docker version >/dev/null 2>&1 ||
        fail "Docker does not answer" "start Docker, and add the user $(id -un) to the group docker"
    docker image inspect "$image" >/dev/null 2>&1 ||
        fail "the image $image was not found" \
            "build it (docker build -t $image -f docker/Dockerfile .), pull it, or name another one with --image"
}

reason() { # TEXT: print its last line, without the lines that Docker's client appends
    grep -v -e '^$' -e 'docker run --help' -e 'error waiting for container' <<<"$1" | tail -n 1
}

# Set gpus, the options for the GPUs, if $device is cuda. Stop if a container gets none.
gpus=()
use_gpus() {
    [[ $device == cuda ]] || return 0
    local probe answer
    gpus=(--gpus all)
    # Ask the driver itself: importing torch would take seconds.
    probe='import ctypes, sys; n = ctypes.CDLL("libcuda.so.1").cuInit(0); sys.exit(n and f"cuInit answers {n}")'
    answer=$(docker run --rm "${gpus[@]}" --network none --entrypoint python3 "$image" -c "$probe" 2>&1 >/dev/null) ||
        fail "no NVIDIA GPU can be used in a container on this machine${answer:+ ($(reason "$answer"))}" \
            "add --cpu, or install the GPU's driver and NVIDIA's Container Toolkit (docs/docker.md)"
}

# The container gets all groups of the caller: often only a group may read shared data.
groups=()
for group in $(id -G); do
    groups+=(--group-add "$group")
done
