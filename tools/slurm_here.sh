#!/usr/bin/env bash
# A real Slurm of two nodes on this one machine, for tools/check_slurm.sh: start, or stop.
# Needs root and Debian's packages: apt-get install slurmctld slurmd slurm-client munge
# Usage: tools/slurm_here.sh start DIR    then: export SLURM_CONF=DIR/slurm.conf
#        tools/slurm_here.sh stop DIR
set -euo pipefail
action=${1:?start or stop} dir=$(realpath -m "${2:?a directory for configuration and logs}")

start() {
    local cpus host package missing=
    for package in munge:munged slurmctld:slurmctld slurmd:slurmd slurm-client:srun; do
        command -v "${package#*:}" > /dev/null || missing+=" ${package%:*}"
    done
    [ -z "${missing}" ] || { echo "missing: apt-get install${missing}" >&2; exit 1; }
    [ "$(id -u)" = 0 ] || { echo "Slurm's daemons are started by root" >&2; exit 1; }
    mkdir -p "${dir}/state" "${dir}/spool"
    cpus=$(env -u OMP_NUM_THREADS nproc) host=$(hostname)
    # Nodes are not what they say they are: both are this machine, each with all of its cores. There
    # are no cgroups here and no accounting, so a job may use more than it asked for.
    cat > "${dir}/slurm.conf" << EOF
ClusterName=here
SlurmctldHost=${host}(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket=${dir}/munge.socket
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool/%n
SlurmctldPidFile=${dir}/slurmctld.pid
SlurmdPidFile=${dir}/slurmd.%n.pid
SlurmctldLogFile=${dir}/slurmctld.log
SlurmdLogFile=${dir}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MpiDefault=none
NodeName=node1 NodeHostname=${host} NodeAddr=127.0.0.1 Port=16818 CPUs=${cpus} RealMemory=4000
NodeName=node2 NodeHostname=${host} NodeAddr=127.0.0.1 Port=16819 CPUs=${cpus} RealMemory=4000
PartitionName=all Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
EOF
    head -c 1024 /dev/urandom > "${dir}/munge.key"
    chmod 600 "${dir}/munge.key"
    munged --force --key-file="${dir}/munge.key" --socket="${dir}/munge.socket" \
        --pid-file="${dir}/munged.pid" --log-file="${dir}/munged.log" --seed-file="${dir}/munge.seed"
    slurmctld -f "${dir}/slurm.conf" -c
    slurmd -f "${dir}/slurm.conf" -N node1
    slurmd -f "${dir}/slurm.conf" -N node2
    export SLURM_CONF=${dir}/slurm.conf
    for _ in $(seq 60); do
        [ "$(sinfo -h -t idle -o %D 2> /dev/null)" = 2 ] && { sinfo; return; }
        sleep 0.5
    done
    sinfo
    tail "${dir}"/*.log >&2
    exit 1
}

stop() {
    local name pid
    export SLURM_CONF=${dir}/slurm.conf
    if [ -e "${dir}/slurmctld.pid" ]; then  # jobs first: their processes would outlive the daemons
        squeue -h -o %i | xargs -r scancel || true
        for _ in $(seq 60); do
            [ -n "$(squeue -h)" ] || break
            sleep 0.5
        done
    fi
    for name in slurmd.node1 slurmd.node2 slurmctld munged; do
        [ -e "${dir}/${name}.pid" ] || continue
        pid=$(cat "${dir}/${name}.pid")
        kill "${pid}" || continue
        for _ in $(seq 40); do
            case $(ps -o stat= -p "${pid}") in ''|Z*) break ;; esac
            sleep 0.25
        done
    done
}

export PATH=/usr/sbin:/sbin:${PATH}
case ${action} in start|stop) ${action} ;; *) echo "$0: start or stop" >&2; exit 2 ;; esac
