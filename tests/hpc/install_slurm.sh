#!/bin/bash
# What the tests of SLURM need on Debian 12, as root: SLURM with accounting, and environment modules.
# Nothing is started; tests/support/slurm_cluster.py starts daemons of its own. About 30 s, 350 MB.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends slurmctld slurmd slurm-client slurmdbd munge \
    mariadb-server environment-modules postgresql >/dev/null
