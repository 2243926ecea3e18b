# shellcheck shell=bash disable=SC2154
# Sourced by asr.sh: options, messages, and steps that are not done twice.

log() {
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (stage ${current_stage:--}) $*"
}

die() {
    log "Error: $*" >&2
    exit 1
}

# parse_options "$@": reads `--name value` into the variable `name`. The options are those that
# help_message prints; a name may have hyphens for underscores, as in Kaldi.
parse_options() {
    local names name
    names=$(help_message | sed -n 's/^ *--\([a-z0-9_]*\) .*/\1/p')
    while [ $# -gt 0 ]; do
        case $1 in
            -h|--help) help_message; exit 0 ;;
            --*) name=${1#--}; name=${name//-/_} ;;
            *) usage_error "expected --name value, found: $1" ;;
        esac
        grep -qx -- "${name}" <<< "${names}" \
            || usage_error "unknown option --${name}$(nearest "${name}" "${names}")"
        [ $# -ge 2 ] || usage_error "--${name} needs a value"
        case ${!name} in
            true|false)
                case $2 in
                    true|false) ;;
                    *) usage_error "--${name} is true or false, not '$2'" ;;
                esac ;;
        esac
        printf -v "${name}" '%s' "$2"
        shift 2
    done
}

# must_be <what> <regular expression> <option>...: each word of their values is such
must_be() {
    local what=$1 pattern=$2 option word
    shift 2
    for option; do
        for word in ${!option}; do
            [[ ${word} =~ ^(${pattern})$ ]] \
                || usage_error "--${option} ${!option}: expected ${what}, found '${word}'"
        done
    done
}

usage_error() {
    echo "${called_as:-$0}: $*" >&2
    echo "See ${called_as:-$0} --help" >&2
    exit 2
}

# nearest <name> <names>: a hint with the most similar name, if one is similar
nearest() {
    python3 -c '
import difflib, sys
for name in difflib.get_close_matches(sys.argv[1], sys.argv[2].split(), n=1):
    print(f". Did you mean --{name}?")' "$1" "$2" | sed 's/^/ /; s/^ \././'
}

set -E
trap 'log "Error: stage ${current_stage} stopped at line ${LINENO} of ${BASH_SOURCE[0]##*/}" >&2' ERR
# Ctrl-C ends the script, and not the command alone, whatever status that has then.
trap 'exit 130' INT

# in_range <stage>: whether the stage is asked for
in_range() {
    current_stage=$1
    [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ] && [[ " ${skip_stages} " != *" $1 "* ]]
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

# step <stamp> [<input>...] -- <command...>
# Runs the command, unless <stamp> says that this very command was finished with these very inputs.
# Two runs in one folder do not meet: the second waits, then finds the step done.
step() {
    local stamp=$1 inputs=() signature lock
    shift
    while [ "$1" != -- ]; do
        inputs+=("$1")
        shift
    done
    shift
    mkdir -p "$(dirname "${stamp}")"
    exec {lock}> "${stamp}.lock"
    if command -v flock > /dev/null && ! flock -n "${lock}"; then
        log "another run works on $(dirname "${stamp}"): waiting until it ends"
        flock "${lock}"
    fi
    signature=$(printf '%q ' "$@"; echo; [ ${#inputs[@]} -eq 0 ] || stat -c '%n %s %y' "${inputs[@]}")
    if [ -e "${stamp}" ] && [ "$(cat "${stamp}")" = "${signature}" ]; then
        log "done before; to repeat, remove ${stamp}"
    else
        rm -f "${stamp}"
        begin "${stamp}.begun" "${signature}"
        attempt "$@"
        printf '%s\n' "${signature}" > "${stamp}.part"
        mv "${stamp}.part" "${stamp}"
        rm -f "${stamp}.begun"
    fi
    exec {lock}>&-
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
