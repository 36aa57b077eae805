#!/bin/bash
# Install the packages that the SLURM tests need, on Debian 12, as root: SLURM with accounting, and
# environment modules. This script starts no daemon: tests/support/slurm_cluster.py starts its own
# daemons. It takes about 30 s and 350 MB.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends slurmctld slurmd slurm-client slurmdbd munge \
    mariadb-server environment-modules postgresql >/dev/null
