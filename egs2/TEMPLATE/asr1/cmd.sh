# shellcheck shell=bash
# Sourced by asr.sh: how many jobs of an array (--nj, --inference_nj) run at a time on this machine.
export max_running=${max_running:-$(nproc)}
