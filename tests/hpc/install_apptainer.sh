#!/bin/bash
# Apptainer on Debian 12, as root, out of Debian unstable's package. It asks for a newer C library than
# bookworm has, so its two programs get one of their own; the system's stays as it is. 15 s, 100 MB.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
if command -v apptainer >/dev/null; then
    exec apptainer --version
fi
work=/opt/apptainer-for-tests
mkdir -p "$work"/{lists/partial,cache/archives/partial,glibc}
cd "$work"
mirror="$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -n 1)"
key=/usr/share/keyrings/debian-archive-keyring.gpg
printf "deb [signed-by=$key] ${mirror:-http://deb.debian.org/debian} %s main\n" sid trixie >sources.list
# Lists and sources of our own: the system's apt never hears of the other releases.
apart=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root)
apt-get "${apart[@]}" -qq update
apt-get "${apart[@]}" -qq download apptainer/sid libc6/trixie
apt-get -qq update
apt-get -qq install -y --no-install-recommends patchelf squashfs-tools squashfuse fuse-overlayfs \
    uidmap libseccomp2 libsqlite3-0 mmdebstrap >/dev/null
dpkg-deb -x libc6_*.deb glibc
dpkg-deb -x apptainer_*.deb / # its own paths are compiled in
libraries="$work/glibc/usr/lib/x86_64-linux-gnu"
for program in /usr/bin/apptainer /usr/lib/x86_64-linux-gnu/apptainer/bin/starter; do
    patchelf --set-interpreter "$libraries/ld-linux-x86-64.so.2" "$program"
    # DT_RPATH, which wins over the LD_LIBRARY_PATH that apptainer sets for its helpers.
    patchelf --force-rpath --set-rpath "$libraries:/usr/lib/x86_64-linux-gnu" "$program"
done
rm -f ./*.deb
ln -sf apptainer /usr/bin/singularity
mkdir -p /var/lib/apptainer/mnt/session
[ ! -e /dev/fuse ] || chmod 666 /dev/fuse # as udev has it elsewhere
apptainer --version
