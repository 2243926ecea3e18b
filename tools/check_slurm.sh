#!/usr/bin/env bash
# Checks job arrays and trainings on several nodes with a real Slurm: two nodes, both this machine.
# Not a part of `make test`: it starts daemons, for which it needs root and Debian's packages, and
# takes some minutes. One line a check; the status is 0 if all hold.
# Usage: tools/check_slurm.sh [DIR]      DIR, for recipes and logs, is new; by default under /tmp
# shellcheck disable=SC2317  # functions are called by their names
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=${PWD} dir=$(realpath -m "${1:-$(mktemp -d)}") failed=0
export PATH=${root}/.venv/bin:/usr/sbin:/sbin:${PATH} PYTHONPATH=${root}
export SLURM_CONF=${dir}/slurm/slurm.conf max_running=2

# check <what> <function>: runs it with a log of its own
check() {
    local start=${SECONDS} log=${dir}/$2.log
    "$2" > "${log}" 2>&1 < /dev/null &  # in the condition itself, a failure would not end it
    if wait $!; then
        echo "ok      $((SECONDS - start)) s  $1"
    else
        echo "FAILED  $((SECONDS - start)) s  $1: ${log}" >&2
        tail -n 20 "${log}" >&2
        failed=1
        squeue --noheader --format %i | xargs -r scancel  # not in the way of the next check
    fi
}

# run <name> <option>...: the recipe, with experiments of that name
run() {
    ./run.sh --valid_set valid2 --use_lm false --asr_tag "$1" --asr_stats_dir "exp/stats_$1" "${@:2}"
}

fails() { if "$@"; then return 1; fi; }  # a failure of `! command` would go unnoticed

# until_true <seconds> <command>...
until_true() {
    local end=$((SECONDS + $1))
    until "${@:2}"; do
        [ "${SECONDS}" -lt "${end}" ] || { echo "not within $1 s: ${*:2}"; return 1; }
        sleep 0.3
    done
}

array() {  # array <name>: statistics, as jobs of Slurm
    run "$1" --stage 10 --stop_stage 10 --nj 2 --cluster slurm --cluster_conf "${dir}/cluster.yaml"
}

same_statistics() {  # bytes of text and numbers of arrays are the same
    python3 - "exp/stats_$1" "exp/stats_$2" << 'EOF'
import sys
from pathlib import Path
import numpy as np

one, two = map(Path, sys.argv[1:])
files = [file.relative_to(one) for file in one.glob("*/*_s*") if file.parent.name != "logdir"]
assert len(files) == 10, files
for file in files:
    if file.suffix == ".npz":
        a, b = np.load(one / file), np.load(two / file)
        assert all((a[key] == b[key]).all() for key in a.files), file
    else:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
print("the same:", *files)
EOF
}

submit() {  # submit <option of sbatch>... train.sbatch <option>...: prints the number of the job
    sbatch --parsable --nodes 2 --gpus-per-node 0 --cpus-per-task 1 --output train-%j.log "$@"
}

job_is_over() {
    scontrol show job "$1" > job.txt
    grep -Eq 'JobState=(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY) ' job.txt
}

job_is_queued() { [ "$(squeue --noheader --job "$1" --states pending --format %r)" = BeginTime ]; }

ended_well() {  # ended_well <job>: waits for it
    until_true 240 job_is_over "$1"
    cat "train-$1.log" job.txt
    grep -q 'JobState=COMPLETED ' job.txt
}

losses() { sed -n 's/^ *epoch \([0-9]*\)\/.*: train loss \([0-9.]*\),.*/\1 \2/p' "$1"; }

same_losses() {  # same_losses <output> <output>: epoch for epoch, up to the last
    join <(losses "$1") <(losses "$2") | awk '
        { print; difference = $2 - $3; last = $1 }
        difference > 0.001 * $2 || difference < -0.001 * $2 { wrong = 1 }
        END { exit wrong || last != 4 }'
}

training=(--stage 11 --stop_stage 11 --valid_set valid2 --use_lm false --asr_args "--max_epoch 4"
    --asr_stats_dir exp/stats_local)

prepare() {
    ./run.sh --stop_stage 1
    mkdir data/valid2  # each process needs an utterance
    for table in wav.scp text utt2spk spk2utt; do
        sort data/{dev,test}/"${table}" > data/valid2/"${table}"
    done
    run local --stage 3 --stop_stage 10 --nj 2
}

array_equals_local() {
    array slurm
    same_statistics local slurm
}

killed_worker() {
    array killed &
    until_true 120 test -e exp/stats_killed/logdir/stats.2.log
    sleep 2
    squeue --format "%i %j %T %N"
    scancel "$(squeue --noheader --states running --format %i | sort -n | tail -n 1)"
    wait $!
    ls exp/stats_killed/logdir/stats.?.old1.log  # of the job that began again
    same_statistics local killed
}

two_nodes() {
    local job
    ./run.sh "${training[@]}" --asr_tag one 2>&1 | tee one.txt
    job=$(submit train.sbatch "${training[@]}" --asr_tag two)
    ended_well "${job}"
    cp "train-${job}.log" two.txt
    grep -q '^0: \[.*:0/2\].* The training was finished at 4 epochs' exp/asr_two/train.log
    grep -q '^1: .*asr_train.py ' exp/asr_two/train.log
    same_losses one.txt two.txt
}

language_model() {
    local job
    ./run.sh --valid_set valid2 --stage 6 --stop_stage 6
    job=$(MASTER_PORT=29511 MASTER_ADDR=localhost submit train.sbatch --valid_set valid2 \
        --stage 7 --stop_stage 7)
    ended_well "${job}"
    grep -q '^0: \[.*:0/2\].* The training was finished at 5 epochs' exp/lm_*/train.log
    grep -q '^dist_master_port: 29511' exp/lm_*/config.yaml
}

requeued() {
    local job
    job=$(submit train.sbatch "${training[@]}" --asr_tag requeued)
    until_true 120 test -e exp/asr_requeued/1epoch.pth
    scancel --batch --signal USR1 "${job}"  # as Slurm does before the time is over
    until_true 60 job_is_queued "${job}"
    scontrol update JobId="${job}" StartTime=now  # Slurm would wait two minutes
    until_true 60 test -e exp/asr_requeued/train.old1.log
    ended_well "${job}"
    grep -q 'Restarts=1 ' job.txt
    fails grep -q ' 1epoch results' exp/asr_requeued/train.log
    same_losses two.txt "train-${job}.log"
}

failing_process() {
    local start=${SECONDS}
    # shellcheck disable=SC2016
    fails salloc --nodes 2 --ntasks-per-node 1 python3 -m espnet_recursive.bin.launch --num_nodes 2 -- \
        bash -c 'if [ "${SLURM_PROCID}" = 1 ]; then exit 3; fi; exec sleep 120'
    [ $((SECONDS - start)) -lt 30 ]
}

step_is_over() { [ -z "$(squeue --steps --noheader)" ]; }

killed_run() {
    salloc --nodes 2 --ntasks-per-node 1 bash -c '
        ./run.sh "$@" --asr_tag killed --num_nodes 2 --ngpu 0 & echo $! > run.pid; wait; sleep 15
        ' bash "${training[@]}" &
    until_true 120 test -e exp/asr_killed/1epoch.pth
    kill -KILL "$(cat run.pid)"
    until_true 10 step_is_over  # the allocation is still there
    [ -n "$(squeue --noheader)" ]
    wait $!
}

mkdir -p "${dir}"
cp -a egs2 conf "${dir}"
rm -rf "${dir}"/egs2/mini_an4/asr1/{data,dump,exp}
cat > "${dir}/cluster.yaml" << 'EOF'
jobqueue:
    slurm:
        cores: 1
        memory: 1GB
        walltime: "00:10:00"
EOF
trap '"${root}/tools/slurm_here.sh" stop "${dir}/slurm"' EXIT
"${root}/tools/slurm_here.sh" start "${dir}/slurm"
cd "${dir}/egs2/mini_an4/asr1"
echo "logs: ${dir}"
check "the recipe up to its statistics, on this machine" prepare
[ ${failed} = 0 ] || exit 1
check "a job array on Slurm gives what it gives on this machine" array_equals_local
check "so it does when one of its two workers is killed" killed_worker
check "training on two nodes has the losses of training on one" two_nodes
check "queued again after an epoch, it goes on and has the same losses" requeued
check "the language model, on two nodes that meet at MASTER_PORT" language_model
check "a process that fails ends the training on all nodes" failing_process
check "a run that is killed in an allocation leaves nothing running" killed_run
exit ${failed}
