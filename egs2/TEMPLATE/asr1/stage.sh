# shellcheck shell=bash disable=SC2154
# Sourced by asr.sh, run_paper.sh and run.sh: options, messages, and steps that are not done twice.

log() {
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (stage ${current_stage:--}) $*"
}

die() {
    log "Error: $*" >&2
    exit 1
}

# take_options "<name> ..." "$@": sets the variables of these options to their values, and `others` to
# all other arguments, as they are. A name may have hyphens for underscores, as in Kaldi. If `help` is
# among the names, it is set where -h or --help is given.
take_options() {
    local names=" $1 " name
    shift
    others=()
    while [ $# -gt 0 ]; do
        case $1 in
            -h|--help)
                if [[ ${names} == *" help "* ]]; then help=true; else others+=("$1"); fi
                shift
                continue ;;
            --*) name=${1#--}; name=${name//-/_} ;;
            *) usage_error "expected --name value, found: $1" ;;
        esac
        [ $# -ge 2 ] || usage_error "--${name} needs a value"
        if [[ ${names} == *" ${name} "* ]]; then
            printf -v "${name}" '%s' "$2"
        else
            others+=("--${name}" "$2")
        fi
        shift 2
    done
}

usage_error() {
    echo "${called_as:-$0}: $*" >&2
    echo "See ${called_as:-$0} --help" >&2
    exit 2
}

# stopped_at <line> <script>: says where, and of a full disk that it is, which nothing else says of
# what the shell itself writes
stopped_at() {
    local folder left
    log "Error: stage ${current_stage} stopped at line $1 of $2" >&2
    for folder in . "${dumpdir:-}" "${expdir:-}" data; do
        [ -d "${folder}" ] || continue
        left=$(df -k --output=avail "${folder}" 2> /dev/null | tail -n 1) || return 0
        if [ "${left:-1000}" -lt 100 ]; then
            log "Error: no space left on the disk of $(readlink -f "${folder}"). Free some and run" \
                "again; nothing that was finished is lost." >&2
            return 0
        fi
    done
}

set -E
trap 'stopped_at "${LINENO}" "$(basename "${BASH_SOURCE[0]-$0}")"' ERR
# Ctrl-C ends the script, and not the command alone, whatever status that has then.
trap 'exit 130' INT

# in_range <stage>: whether the stage is asked for
in_range() {
    [[ " ${to_do[*]} " == *" $1 "* ]]
}

# begin_stage <stage> <message>: what follows is of this stage
begin_stage() {
    current_stage=$1
    log "${*:2}"
}

# need <file> <stage>: the file that an earlier stage writes must be there
need() {
    [ -e "$1" ] || die "$1 does not exist. Stage $2 writes it: run with --stage $2." \
        "(Should that stage have been done before, remove the stamp that it names.)"
}

# with_parent <command...>: the kernel ends the command when this shell is killed, where util-linux
# can ask for that, so that a killed run leaves nothing behind that still writes.
with_parent() {
    if command -v setpriv > /dev/null; then
        setpriv --pdeathsig KILL -- "$@"
    else
        "$@"
    fi
}

# attempt <command...>: runs the command; if it fails, says which, and ends the script
attempt() {
    with_parent "$@" && return
    log "Error: stage ${current_stage} failed in the command" >&2
    printf '  %s\nMend the cause and start again: what is finished is kept.\n' "${*@Q}" >&2
    exit 1
}

# step <stamp> [<input>...] -- <command...> [++ <arguments...>]
# Runs the command, unless <stamp> says that this very command was finished with these very inputs.
# Inputs are compared by content; of an input that is a stamp itself it counts when its step ran.
# Arguments after ++ do not count, and the text `settings` does, where that is set.
# Two runs in one folder do not meet: the second waits, then finds the step done.
step() {
    local stamp=$1 inputs=() counted lock signature facts=() hashes=() stamped="" run_id="" i
    shift
    while [ "$1" != -- ]; do
        [ -e "$1" ] || die "$1 does not exist; it is an input of the step that leaves ${stamp}"
        inputs+=("$1")
        shift
    done
    shift
    counted=("$@")
    for i in "${!counted[@]}"; do
        if [ "${counted[i]}" = ++ ]; then
            set -- "${counted[@]:0:i}" "${counted[@]:i+1}"
            counted=("${counted[@]:0:i}")
            break
        fi
    done
    mkdir -p "$(dirname "${stamp}")"
    exec {lock}> "${stamp}.lock"
    if command -v flock > /dev/null && ! flock -n "${lock}"; then
        log "another run works on $(dirname "${stamp}"): waiting until it ends"
        flock "${lock}"
    fi
    read_stamp "${stamp}"
    hash_inputs
    signature=$(printf '%q ' "${counted[@]}" ${settings:+"${settings}"})
    for i in "${!inputs[@]}"; do signature+=$'\n'"${hashes[i]} ${inputs[i]}"; done
    if [ "${stamped}" = "${signature}" ]; then
        log "done before; to repeat, remove ${stamp}"
        write_stamp
    elif [ -z "${run_id}" ] && done_before_contents "$@"; then
        log "done before; to repeat, remove ${stamp}"
        run_id=$(stat -c '%.Y' "${stamp}")
        write_stamp "$(stat -c '@%.Y' "${stamp}")"
    else
        [ -z "${run_id}" ] || log "again, because of another $(difference "${stamped}" "${signature}")"
        rm -f "${stamp}"
        begin "${stamp}.begun" "${signature}"
        attempt "$@"
        run_id=${STEP_RUN}
        write_stamp
    fi
    rm -f "${stamp}.begun"  # also of a run that was killed when the step was done
    exec {lock}>&-
}

# A stamp has the command in its first line, then the hash, the facts and the name of each input, and
# then the name of the run. The facts (size, time of content and of inode) tell whether the hash still
# holds, so that large files are read once.
declare -A known_hashes=()

# read_stamp <stamp>: sets `stamped`, the signature that it holds, and `run_id`; empty of none or an
# old one
read_stamp() {
    local hash facts name
    [ -e "$1" ] || return 0
    run_id=$(sed -n '$s/^run //p' "$1")
    [ -n "${run_id}" ] || return 0
    {
        IFS= read -r stamped
        while read -r hash facts name; do
            [ "${hash}" != run ] || continue
            known_hashes["${facts} ${name}"]=${hash}
            stamped+=$'\n'"${hash} ${name}"
        done
    } < "$1"
}

# hash_inputs: sets `facts` and `hashes` of each of `inputs`
hash_inputs() {
    local i name key
    [ ${#inputs[@]} -gt 0 ] || return 0
    mapfile -t facts < <(stat -L -c '%s:%.Y:%.Z' -- "${inputs[@]}")
    for i in "${!inputs[@]}"; do
        name=${inputs[i]}
        key="${facts[i]} ${name}"
        case ${name##*/} in
            .done.*)
                facts[i]=-
                hashes[i]=$(sed -n '$s/^run //p' "${name}")
                hashes[i]=${hashes[i]:-$(stat -c '%.Y' "${name}")} ;;
            *)
                if [ -z "${known_hashes["${key}"]-}" ]; then
                    known_hashes["${key}"]=$(sha256sum < "${name}" | cut -d ' ' -f 1)
                fi
                hashes[i]=${known_hashes["${key}"]} ;;
        esac
    done
}

# write_stamp [<time>]: what is known of the step is its stamp, with its own time or that one
write_stamp() {
    local i
    {
        printf '%s\n' "${signature%%$'\n'*}"
        for i in "${!inputs[@]}"; do echo "${hashes[i]} ${facts[i]} ${inputs[i]}"; done
        echo "run ${run_id}"
    } > "${stamp}.part"
    if cmp -s "${stamp}.part" "${stamp}"; then
        rm "${stamp}.part"
    else
        [ $# -eq 0 ] || touch -d "$1" "${stamp}.part"
        mv "${stamp}.part" "${stamp}"
    fi
}

# done_before_contents <command...>: whether a stamp without contents, of an earlier version, is of this
# command (`formerly` changes it into what that version ran), and its inputs are as it says: the same
# size and time, and those that it does not know not newer than itself
done_before_contents() {
    local command line name known=$'\n'
    [ -e "${stamp}" ] || return
    command=$(printf '%q ' "$@" | sed -e "${formerly-}")
    [ "$(head -n 1 "${stamp}")" = "${command}" ] || return
    while IFS= read -r line; do
        name=${line% * * * *}
        known+=${name}$'\n'
        case ${name##*/} in .done.*) continue ;; esac
        [ "$(stat -c '%n %s %y' -- "${name}" 2> /dev/null)" = "${line}" ] || return
    done < <(tail -n +2 "${stamp}")
    for name in "${inputs[@]}"; do
        [[ ${known} == *$'\n'"${name}"$'\n'* ]] || [ ! "${name}" -nt "${stamp}" ] || return
    done
}

# difference <signature> <signature>: the names of inputs that differ, or the command
difference() {
    local names
    names=$(comm -13 <(tail -n +2 <<< "$1" | sort) <(tail -n +2 <<< "$2" | sort) | cut -d ' ' -f 2- \
        | paste -sd ' ')
    [ "${1%%$'\n'*}" = "${2%%$'\n'*}" ] || names="command${names:+ and ${names}}"
    echo "${names:-number of inputs}"
}

# begin <file> <signature>: sets STEP_RUN, which run_jobs keeps with its finished jobs. It is that of
# an earlier run of this very step that did not come to its end, whose finished jobs count, or else
# a new one, so that changed inputs or a removed stamp have all jobs run again.
begin() {
    if [ ! -e "$1" ] || [ "$(tail -n +2 "$1")" != "$2" ]; then
        printf '%s\n%s\n' "$(date +%s%N)-$$" "$2" > "$1.part"
        mv "$1.part" "$1"
    fi
    STEP_RUN=$(head -n 1 "$1")
    export STEP_RUN
}
