#!/usr/bin/env bash
# Installs what is missing, builds the vcell program and runs the main job: from a perturbation
# screen to predicted cells, their scores and a report.
#   cmake/quickstart.sh                              on a simulated screen
#   cmake/quickstart.sh screen.h5ad [run options]    on yours, e.g. --perturbation-key gene
# Every option after the file goes to `vcell run` (see build/release/vcell run --help). The run folder
# is build/quickstart/<name of the file> unless --out names another.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

screen=""
if [ $# -gt 0 ]; then
  case "$1" in
    -h | --help)
      sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*) ;;  # options alone: for the simulated screen
    *)
      [ -f "$1" ] || { echo "quickstart: there is no file '$1'" >&2; exit 2; }
      screen=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
      shift
      ;;
  esac
fi

build() {
  (cd "$root" && cmake --preset release &&
    cmake --build --preset release --target vcell_program -j "$cores")
}

# Paths in the options are the caller's, so the program runs in the caller's folder.
main_job() {
  local vcell=$root/build/release/vcell runs=$root/build/quickstart name=simulated
  mkdir -p "$runs" || return
  if [ -n "$screen" ]; then
    name=$(basename "$screen" .h5ad)
  else
    screen=$runs/simulated.h5ad
    "$vcell" simulate --out "$screen" --overwrite || return
    set -- --perturbation-key perturbation --control non-targeting --context-key context "$@"
  fi
  case " $* " in
    *" --out"*) "$vcell" run --data "$screen" "$@" ;;
    *) "$vcell" run --data "$screen" --out "$runs/$name" --overwrite "$@" ;;  # its own folder
  esac
}

part "set-up" set_up || exit 1
part "build" build || exit 1
part "main job" main_job "$@" || { print_parts; exit 1; }
print_parts
