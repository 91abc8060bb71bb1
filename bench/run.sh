#!/usr/bin/env bash
# Runs benchmarks of a build.
#   bench/run.sh [BUILD]                    those of the CPU, of build/release unless another is named
#   bench/run.sh --cuda [BUILD] [--tiny]    those of a GPU, of build/gpu, which cmake/test.sh --cuda makes;
#                                           with --tiny at sizes that say nothing, to see that all of it runs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ "${1:-}" != --cuda ]; then
  exec cmake --build "${1:-build/release}" --target bench
fi
shift
build=build/gpu
options=()
for word in "$@"; do
  case $word in
    --*) options+=("$word") ;;
    *) build=$word ;;
  esac
done
failed=0
found=0
for program in "$build"/bench/gpu_*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  found=1
  "$program" "${options[@]}" || failed=$?
done
if [ $found = 0 ]; then
  echo "bench/run.sh: $build/bench has no benchmark of a GPU; cmake/test.sh --cuda builds them" >&2
  exit 1
fi
exit $failed
