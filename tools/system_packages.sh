#!/bin/sh
# usage: tools/system_packages.sh PURPOSE...        purposes: test lint fuzz firmware
# Installs the system packages that a purpose needs and that are missing. As root through apt; otherwise it names what
# is missing in one line with the command to type, and ends with exit code 2.
set -u

# Each function succeeds if its package has nothing to add.
has_command() {
    command -v "$1" >/dev/null 2>&1
}

has_libmodbus() {
    pkg-config --exists libmodbus 2>/dev/null
}

# The run-time library of clang's sanitizers is a package of its own, named after clang's version.
has_clang_runtime() {
    echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n > 9; }' |
        clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null 2>/dev/null
}

clang_runtime_package() {
    major=$(clang -dumpversion 2>/dev/null | cut -d. -f1)
    [ -n "$major" ] || major=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    echo "libclang-rt-${major:-14}-dev"
}

# The compiler without its C library finds no specification of it.
has_newlib() {
    echo 'int main(void) { return 0; }' |
        arm-none-eabi-gcc --specs=nano.specs --specs=nosys.specs -x c - -o /dev/null 2>/dev/null
}

missing=
need() { # PACKAGE CHECK...
    package=$1
    shift
    "$@" || missing="$missing $package"
}

for purpose in "$@"; do
    case $purpose in
    test)
        need pkg-config has_command pkg-config
        need libmodbus-dev has_libmodbus
        need mbpoll has_command mbpoll
        need clang has_command clang
        need valgrind has_command valgrind
        need socat has_command socat
        need tshark has_command tshark
        need tmux has_command tmux
        ;;
    lint)
        need cppcheck has_command cppcheck
        ;;
    firmware)
        need gcc-arm-none-eabi has_command arm-none-eabi-gcc
        need libnewlib-arm-none-eabi has_newlib
        need qemu-system-arm has_command qemu-system-arm
        ;;
    fuzz)
        need clang has_command clang
        has_clang_runtime || missing="$missing $(clang_runtime_package)"
        ;;
    *)
        echo "hil: $0 knows no purpose '$purpose'" >&2
        exit 2
        ;;
    esac
done

missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
[ -n "${missing% }" ] || exit 0

command="apt-get install --no-install-recommends ${missing% }"
if [ "$(id -u)" != 0 ] || ! has_command apt-get; then
    echo "hil: system packages are missing for '$*'. Have root type: $command" >&2
    exit 2
fi
echo "Installing system packages: $missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# Package lists may be old or absent: they are fetched once, only if something has to be installed.
if ! { apt-get update && $command --yes; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "hil: this failed: $command" >&2
    exit 2
fi
rm -f "$log"
