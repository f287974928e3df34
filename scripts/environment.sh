# Sourced by the other scripts: makes a virtual environment in .venv with the package in it.
# Call: make_environment [EXTRAS [ARGUMENTS]], where EXTRAS is such as "[dev]", and the arguments go
# to pip. $environment names another folder than .venv.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
environment=${environment:-.venv}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$candidate"
            return
        fi
    done
    echo "fit-image needs Python 3.11 or newer; name it with PYTHON=/path/to/python3" >&2
    return 1
}

# Installs packages of Debian or Ubuntu, where that is possible without asking.
install_packages() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "not installed; to do so: sudo apt-get install $*" >&2
        return 1
    fi
}

make_environment() {
    local python
    if ! [ -x "$environment/bin/pip" ]; then
        python=$(find_python)
        # Debian and Ubuntu keep venv in a package of its own.
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            install_packages python3-venv
        fi
        rm -rf "$environment"
        "$python" -m venv "$environment"
    fi
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}" \
        --editable ".${1:-}"
}
