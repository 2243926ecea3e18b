#!/usr/bin/env bash
# Tries this package with versions of ESPnet, each installed into a folder of its own: registration in ESPnet's tasks,
# equality with its encoders, training and decoding of mini_an4, and the packed model.
#
#   tools/check_versions.sh                 # those that espnet_versions.py calls tested
#   tools/check_versions.sh 202610 202701   # these; "here" is the one of .venv
#
# The environment of .venv (make env) lends everything but ESPnet: torch and the like are not installed once more, so a
# version is tried with newer libraries than it was made with. Results: .tools/versions/<version>.json and a table.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
folder=${VERSIONS_DIR:-$root/.tools/versions}
python=$root/.venv/bin/python
export OMP_NUM_THREADS=1

uv=$(command -v uv || printf '%s\n' "$root/.tools/uv/bin/uv")
[[ -x $uv ]] || uv=$("$python" -c 'import os; print(os.path.realpath(".venv/../.tools/uv/bin/uv"))')
versions=("$@")
[[ $# -gt 0 ]] || mapfile -t versions < <("$python" -c '
from espnet_recursive.espnet_versions import TESTED
print(*TESTED, sep="\n")')

# All of .venv but ESPnet and this package, as links.
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$folder/shared"
for path in "$site"/*; do
    case ${path##*/} in
        espnet | espnet2 | espnet3 | egs3 | espnet-* | espnet_recursive* | __editable__* | *.pth | _virtualenv* | __pycache__) ;;
        *) ln -sfn "$path" "$folder/shared/" ;;
    esac
done

"$uv" build -q --wheel --out-dir "$folder/wheel" .
wheel=$(ls -t "$folder"/wheel/*.whl | head -n 1)

install() { # of one version, what is not there yet
    local env=$folder/$1 name
    [[ -d $env ]] || "$uv" venv -q --python "$python" "$env"
    local own
    own=$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$folder/shared" >"$own/00-shared.pth"
    # setuptools stands in for distutils, which older versions import, by this file alone
    cp "$site/distutils-precedence.pth" "$own"
    "$uv" pip install -q --python "$env/bin/python" --no-deps "espnet==$1"
    "$uv" pip install -q --python "$env/bin/python" --no-deps --reinstall "$wheel"
    local before="" names
    # Each may require others; what cannot be installed is missing twice.
    while names=$("$env/bin/python" "$root/tools/try_version.py" --missing) && [[ $names != "$before" ]]; do
        for name in $names; do
            "$uv" pip install -q --python "$env/bin/python" --no-deps "$name" 2>/dev/null ||
                printf '%s: %s, which it requires, cannot be installed\n' "$1" "$name" >&2
        done
        before=$names
    done
}

failed=0
for version in "${versions[@]}"; do
    echo "== ESPnet $version ($(date +%T))"
    install "$version"
    rm -rf "$folder/$version.work"
    mkdir -p "$folder/$version.work"
    (
        cd "$folder/$version.work"
        export PATH=$folder/$version/bin:$PATH
        unset PYTHONPATH
        "$folder/$version/bin/python" "$root/tools/try_version.py" --corpus "$site" --output "$folder/$version.json"
    ) || failed=1
done
"$python" "$root/tools/try_version.py" --table "$folder"/*.json
exit "$failed"
