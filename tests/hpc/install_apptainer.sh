#!/bin/bash
# Install Apptainer from the package of Debian unstable, on Debian 12, as root. The package needs a newer C
# library than Debian 12 has. So its two programs get their own C library, and the C library of the system
# stays as it is. It takes 15 s and 100 MB.
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
# The script uses its own lists and sources, so that the apt of the system does not see the other releases.
apart=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root)
apt-get "${apart[@]}" -qq update
apt-get "${apart[@]}" -qq download apptainer/sid libc6/trixie
apt-get -qq update
apt-get -qq install -y --no-install-recommends patchelf squashfs-tools squashfuse fuse-overlayfs \
    uidmap libseccomp2 libsqlite3-0 mmdebstrap >/dev/null
dpkg-deb -x libc6_*.deb glibc
dpkg-deb -x apptainer_*.deb / # the programs find their files only under fixed paths
libraries="$work/glibc/usr/lib/x86_64-linux-gnu"
for program in /usr/bin/apptainer /usr/lib/x86_64-linux-gnu/apptainer/bin/starter; do
    patchelf --set-interpreter "$libraries/ld-linux-x86-64.so.2" "$program"
    # DT_RPATH takes precedence over the LD_LIBRARY_PATH that apptainer sets for its helpers.
    patchelf --force-rpath --set-rpath "$libraries:/usr/lib/x86_64-linux-gnu" "$program"
done
rm -f ./*.deb
ln -sf apptainer /usr/bin/singularity
mkdir -p /var/lib/apptainer/mnt/session
[ ! -e /dev/fuse ] || chmod 666 /dev/fuse # udev sets this mode on other machines
apptainer --version
