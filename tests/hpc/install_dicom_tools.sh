#!/bin/bash
# Install what the tests of the DICOM objects and of sending need, on Debian, as root: Orthanc with DICOMweb,
# dciodvfy, PixelMed's validator with a JRE, and dcmtk. The tests start their own Orthanc, so a policy keeps
# apt from starting the service. It takes about 30 s and 400 MB.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
missing=()
command -v Orthanc >/dev/null || missing+=(orthanc)
[ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] || missing+=(orthanc-dicomweb)
command -v dciodvfy >/dev/null || missing+=(dicom3tools)
command -v dsrdump >/dev/null || missing+=(dcmtk)
command -v java >/dev/null || missing+=(default-jre-headless)
[ -e /usr/share/java/pixelmed.jar ] || missing+=(libpixelmed-java)
if [ ${#missing[@]} -gt 0 ]; then
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get -qq -o DPkg::Lock::Timeout=600 update
    apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}" >/dev/null
fi
Orthanc --version
