# shellcheck shell=bash
# Sourced by asr.sh: how many jobs of an array (--nj, --inference_nj) run at a time on this machine.
# (nproc would answer OMP_NUM_THREADS where that is set.)
export max_running=${max_running:-$(env -u OMP_NUM_THREADS nproc)}
