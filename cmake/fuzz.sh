#!/usr/bin/env bash
# Builds the programs of libFuzzer with the preset asan and runs each for a while.
#   cmake/fuzz.sh [SECONDS]   600 where nothing is said
# A file that is found to go wrong is named and stays in build/asan/tests/fuzz; make a test of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-600}
cmake --preset asan
for source in tests/fuzz/*.cpp; do
  name=$(basename "$source" .cpp)
  folder=build/asan/tests/fuzz
  cmake --build --preset asan --target "vcell_fuzz_$name"
  "$folder/vcell_fuzz_$name" "$folder/$name" "-max_total_time=$seconds" -timeout=10 -max_len=8192 \
    "-artifact_prefix=$folder/$name-"
done
