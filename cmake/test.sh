#!/usr/bin/env bash
# Installs what is missing, builds and runs the tests.
#   cmake/test.sh [ctest options]   the tests of the release preset
#   cmake/test.sh --all             also the format check, clang++ with sanitizers (ThreadSanitizer for
#                                   the rooms where threads meet), and nvcc
#   cmake/test.sh --cuda            what a GPU is needed for, without installing anything: see test_cuda.sh
# VCELL_GOLDEN, VCELL_FILES and VCELL_DATA name folders of expected numbers, of files by other
# programs and of real screens; what is not there is skipped by name.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"

# Every file as clang-format 14 writes it; other versions write some lines otherwise.
check_format() {
  local clang_format="" candidate
  for candidate in clang-format-14 clang-format; do
    if "$candidate" --version 2>/dev/null | grep -q 'version 14\.'; then
      clang_format=$candidate
      break
    fi
  done
  if [ -z "$clang_format" ]; then
    echo "clang-format 14 was not found; nothing was checked."
    [ "${CI:-}" != true ]
    return
  fi
  # The output is compared: --dry-run reports the end of some namespaces that it would not change.
  find include tests examples bench cmake -type f \
    \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu' \) -print0 |
    xargs -0 -n 32 -P "$cores" bash -c '
      for file; do
        "$0" "$file" | cmp -s - "$file" || { echo "not formatted: $file"; wrong=1; }
      done
      exit ${wrong:-0}' "$clang_format"
}

# build_and_test PRESET [ctest options]
build_and_test() {
  local preset=$1
  local log=build/$preset/Testing/Temporary/LastTest.log
  local failed_tests=build/$preset/Testing/Temporary/LastTestsFailed.log
  shift
  rm -f "$failed_tests"
  part "$preset: configure" cmake --preset "$preset" "$werror" "$emulation" &&
    part "$preset: build" cmake --build --preset "$preset" -j "$cores" &&
    part "$preset: test" ctest --preset "$preset" -j "$cores" "$@"
  [ ! -f "$log" ] || grep '^skipped: ' "$log" | sort | uniq -c || true
  [ ! -f "$failed_tests" ] ||
    mapfile -t -O ${#parts[@]} parts < <(sed 's/^[0-9]*:/          /' "$failed_tests")
}

compile_cuda() {
  local nvcc
  nvcc=${CUDACXX:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)}
  if [ -z "$nvcc" ]; then
    echo "cuda: nvcc was not found, so no kernel was compiled for a GPU."
    return
  fi
  part "cuda: configure" cmake --preset cuda "$werror" \
    -DCMAKE_CUDA_COMPILER="$nvcc" &&
    part "cuda: build" cmake --build --preset cuda -j "$cores" &&
    part "cuda: test" ctest --preset cuda  # on a GPU; skipped where there is none
}

# What passed above says nothing about the following.
print_what_did_not_run() {
  echo "Not run here:"
  if ! command -v nvidia-smi >/dev/null || ! nvidia-smi -L >/dev/null 2>&1; then
    echo "  the CUDA kernels on a GPU: there is none; they ran on the emulation"
  fi
  echo "  ThreadSanitizer for any room but core, autograd, sets, train and pipeline"
  echo "  slow tests under the sanitizers; they ran in the release preset"
  echo "  any processor but $(uname -m)"
  [ -n "${VCELL_FILES:-}" ] || echo "  tests with files of other programs: VCELL_FILES is not set"
  [ -n "${VCELL_DATA:-}" ] || echo "  tests with real screens: VCELL_DATA is not set"
}

if [ "${1:-}" = --cuda ]; then
  exec cmake/test_cuda.sh
elif [ "${1:-}" = --all ]; then
  shift
  werror=-DVCELL_WERROR=ON
  part "set-up" set_up all || exit 1
  part "format" check_format
  compile_cuda
  emulation=-DVCELL_TEST_EMULATION=OFF  # of kernels for a GPU: under AddressSanitizer, once is enough
  build_and_test release "$@"
  emulation=-DVCELL_TEST_EMULATION=ON
  build_and_test asan "$@"
  build_and_test tsan "$@"
  print_what_did_not_run
else
  werror=-DVCELL_WERROR=OFF
  emulation=-DVCELL_TEST_EMULATION=ON
  part "set-up" set_up || exit 1
  build_and_test release "$@"
fi
print_parts
exit $failed
