#!/usr/bin/env bash
# cmake/test.sh --cuda: everything that a GPU is needed for, in ten minutes and without the network.
#   - the kernels' tests, built for this machine's GPU alone, in one process
#   - bench/run.sh --cuda
#   - the tests under compute-sanitizer's memcheck and racecheck, as far as the time lasts
# Needed are nvcc, cmake, a C++20 compiler, and the headers of Eigen 3.4, Catch2 2, nlohmann_json and
# RapidJSON: installed, or in a folder that VCELL_DEPS names, as include/eigen3/Eigen, include/catch2/catch.hpp,
# include/nlohmann/json.hpp and include/rapidjson/reader.h. VCELL_GOLDEN names a folder of expected numbers.
# VCELL_CUDA_MINUTES is the time that all of it may take (10).
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
last_second=$((60 * ${VCELL_CUDA_MINUTES:-10}))
left() { echo $((last_second - SECONDS)); }

nvcc=${CUDACXX:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)}
if [ -z "$nvcc" ]; then
  echo "cuda: nvcc was not found; put it on PATH or name it in CUDACXX. Nothing was run." >&2
  exit 1
fi
gpu=$(nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total --format=csv,noheader 2>/dev/null |
  head -n 1)
if [ -z "$gpu" ]; then
  echo "cuda: nvidia-smi shows no GPU, so nothing was run. cmake/test.sh --all runs the kernels on the" \
    "emulation and compiles them." >&2
  exit 1
fi
architecture=$(cut -d, -f2 <<<"$gpu" | tr -d ' .')
echo "$gpu; $("$nvcc" --version | grep -o 'release [0-9.]*'); $(date -u +%F)"

folder=build/gpu
test=$folder/tests/nvcc/vcell_test_gpu
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)

configure() {
  cmake -S . -B "$folder" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CUDA_COMPILER="$nvcc" -DCMAKE_CUDA_ARCHITECTURES="$architecture-real" \
    -DVCELL_WITH_CUDA=ON -DVCELL_WITH_FILES=OFF -DVCELL_BUILD_PROGRAM=OFF -DVCELL_BUILD_BENCH=ON \
    -DVCELL_BLAS=eigen -DVCELL_INSTALL=OFF ${VCELL_DEPS:+-DVCELL_DEPS="$VCELL_DEPS"}
}

# run_tests COMMAND...: the tests, by themselves or in a tool, or the benchmarks; 77 says that some were skipped.
run_tests() {
  local seconds status=0
  seconds=$(left)
  if [ "$seconds" -lt 20 ]; then
    echo "there is no time left"
    return 1
  fi
  timeout "$seconds" "$@" || status=$?
  [ $status != 124 ] || echo "it was stopped: the time is over"
  [ $status = 0 ] || [ $status = 77 ]
}

not_run=()
# in_sanitizer TOOL: the tests in one of compute-sanitizer's tools, where it runs on this machine.
in_sanitizer() {
  local sanitizer
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
  if [ -z "$sanitizer" ]; then
    not_run+=("$1: compute-sanitizer was not found")
    return
  fi
  if ! timeout 60 "$sanitizer" --tool "$1" --error-exitcode 1 "$test" \
    "cuda devices: name*" --warn NoTests >"$folder/$1.log" 2>&1; then
    not_run+=("$1: compute-sanitizer does not start here, see $folder/$1.log")
    return
  fi
  # Errors are what some tests look for: calls that return one are not counted.
  part "$1" run_tests "$sanitizer" --tool "$1" --error-exitcode 1 --report-api-errors no "$test" '[cuda]'
}

part "configure" configure &&
  part "build" timeout "$(left)" cmake --build "$folder" -j "$cores" &&
  part "spills" ctest --test-dir "$folder" -R '^nvcc\.spills$' --output-on-failure
# Tests that are skipped are no failure, but this one tells whether CUDA has the GPU that nvidia-smi shows.
if [ -x "$test" ] && part "the GPU answers" "$test" "cuda devices: name*" --warn NoTests; then
  part "tests on the GPU" run_tests "$test"
  part "bench/run.sh --cuda" run_tests bench/run.sh --cuda
  in_sanitizer memcheck
  in_sanitizer racecheck
fi
print_parts
[ ${#not_run[@]} = 0 ] || printf 'not run: %s\n' "${not_run[@]}"
exit $failed
