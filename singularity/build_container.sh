#!/bin/bash
# Make the Singularity image that the other scripts of this folder run. No other step is needed.
set -euo pipefail

usage() {
    cat <<'U'
usage: build_container.sh [--pull | --tar FILE | --fakeroot | --sudo] [--output FILE] [--force]

  --pull         convert the Docker image that IMAGE names, docker://registry/name:tag (default)
  --tar FILE     convert a file made by: docker save ich:latest -o ich.tar
  --fakeroot     build from ich.def as an ordinary user
  --sudo         build from ich.def as root
  --output FILE  the image to write; default: ich.sif beside this script
  --force        replace an existing image

Environment variables:
  IMAGE          the Docker image for --pull
  BASE           another base image for ich.def: docker://mirror/python:3.11-slim-bookworm or a .sif file
  PIP_OPTIONS    options of pip in ich.def
  BUILD_OPTIONS  further options of `singularity build`
  SQUASH         options of mksquashfs. Set it empty to use the defaults of the engine: kernels before
                 4.14 cannot read the zstd images that this script makes by default.
U
}

die() {
    printf 'build_container.sh: %s\n' "$*" >&2
    exit 2
}

project="$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")"
how=pull tar='' output="$project/singularity/ich.sif" force=()
while [ $# -gt 0 ]; do
    case "$1" in
        --pull | --fakeroot | --sudo) how="${1#--}" ;;
        --tar | --output)
            [ -n "${2:-}" ] || die "$1 needs a file"
            if [ "$1" = --tar ]; then how=tar tar="$2"; else output="$2"; fi
            shift
            ;;
        --force) force=(--force) ;;
        -h | --help)
            usage
            exit
            ;;
        *) die "unknown option $1 (see --help)" ;;
    esac
    shift
done

engine="$(command -v singularity || command -v apptainer)" ||
    die 'neither singularity nor apptainer is in PATH: load the module of one of them first'
[ ! -e "$output" ] || [ "${#force[@]}" -gt 0 ] || die "$output exists: add --force to replace it"
output="$(realpath -- "$(dirname -- "$output")")/$(basename -- "$output")"
read -ra more <<<"${BUILD_OPTIONS:-}"
# The image has several gigabytes, most of them PyTorch. zstd compresses them many times faster than gzip.
squash="${SQUASH-"-comp zstd -Xcompression-level 3"}"
if [ -n "$squash" ] && "$engine" build --help | grep -q -e --mksquashfs-args; then
    more+=(--mksquashfs-args "$squash")
fi

arguments=()
case "${BASE:-}" in
    '') ;;
    docker://*) arguments=(--build-arg "FROM=${BASE#docker://}") ;;
    *)
        [ -e "$BASE" ] || die "BASE is neither docker://... nor an existing file: $BASE"
        arguments=(--build-arg BOOTSTRAP=localimage --build-arg "FROM=$(realpath -- "$BASE")")
        ;;
esac
[ -z "${PIP_OPTIONS:-}" ] || arguments+=(--build-arg "PIP_OPTIONS=$PIP_OPTIONS")

case "$how" in
    pull)
        [ -n "${IMAGE:-}" ] || die 'set IMAGE to the Docker image, such as' \
            'docker://registry.example.org/ich:latest; without a registry use --tar or --fakeroot'
        "$engine" build "${force[@]}" "${more[@]}" "$output" "docker://${IMAGE#docker://}"
        ;;
    tar)
        [ -r "$tar" ] || die "cannot read the file $tar: check its path and permissions"
        # The engine would read text after a colon in the path as the name of an image.
        link="$(mktemp -d)"
        trap 'rm -rf -- "$link"' EXIT
        ln -s -- "$(realpath -- "$tar")" "$link/image.tar"
        "$engine" build "${force[@]}" "${more[@]}" "$output" "docker-archive:$link/image.tar"
        ;;
    fakeroot | sudo)
        cd "$project" # paths in ich.def are relative to this folder
        as=("$engine") fake=(--fakeroot)
        [ "$how" = fakeroot ] || as=(sudo "$engine") fake=()
        "${as[@]}" build "${fake[@]}" "${force[@]}" "${more[@]}" "${arguments[@]}" \
            "$output" singularity/ich.def
        ;;
esac
echo "made $output"
