#!/usr/bin/env bash
# What vcell costs the compiler: processor time to parse headers, beside Eigen/Core's, taken in turns,
# and time, memory and object size of compiling two of the examples, with vcell::instantiations and without.
#   bench/include_cost.sh [header...]    with these headers instead of the usual ones
# CXX names the compiler (g++), ROUNDS how often each is taken (3; the least counts), FLAGS what is
# added to the command line. Eigen, HDF5 and so on are looked for where Debian and Ubuntu put them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cxx=${CXX:-g++}
rounds=${ROUNDS:-3}
read -r -a flags <<<"-std=c++20 -Iinclude -I/usr/include/eigen3 -I/usr/include/hdf5/serial ${FLAGS:-}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TIMEFORMAT=%U

headers=(Eigen/Core)
if [ $# -gt 0 ]; then
  headers+=("$@")
else
  headers+=(vcell/vcell.hpp vcell/files.hpp vcell/core/parallel_for.hpp vcell/tensor/tensor.hpp
    vcell/ops/energy_distance.hpp vcell/data/anndata.hpp vcell/models/state_transition.hpp
    vcell/train/trainer.hpp vcell/sets/set_loader.hpp vcell/eval/evaluate.hpp vcell/io/h5ad.hpp)
fi

# seconds COMMAND...: processor time in user mode of a command, which must succeed.
seconds() {
  local taken
  taken=$({ time "$@" >/dev/null 2>"$work/errors" || echo failed; } 2>&1)
  case $taken in
    *failed*) cat "$work/errors" >&2; return 1 ;;
  esac
  echo "$taken"
}
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }

declare -A least
for ((round = 0; round < rounds; ++round)); do
  for header in "${headers[@]}"; do
    echo "#include <$header>" >"$work/include.cpp"
    taken=$(seconds "$cxx" "${flags[@]}" -O0 -fsyntax-only "$work/include.cpp")
    if [ $round = 0 ] || less "$taken" "${least[$header]}"; then least[$header]=$taken; fi
  done
done
printf '%-36s %8s %14s\n' "parse (user time)" s "x Eigen/Core"
for header in "${headers[@]}"; do
  awk -v h="$header" -v a="${least[$header]}" -v e="${least[Eigen/Core]}" \
    'BEGIN { printf "%-36s %8.2f %14.2f\n", h, a, a / e }'
done
[ $# = 0 ] || exit 0

# The examples with what they call compiled within them, and with it left to vcell::instantiations; then
# that library itself. Eigen/Core is taken before each.
compile() {  # label source flags...: prints one line
  local label=$1 source=$2 eigen taken memory
  shift 2
  echo '#include <Eigen/Core>' >"$work/eigen.cpp"
  eigen=$(seconds "$cxx" "${flags[@]}" -O2 -c "$work/eigen.cpp" -o "$work/eigen.o")
  local command=("$cxx" "${flags[@]}" -O2 "$@" -c "$source" -o "$work/example.o")
  memory=-
  if [ -x /usr/bin/time ]; then
    read -r taken memory < <(/usr/bin/time -f '%U %M' "${command[@]}" 2>&1 >/dev/null | tail -1)
    memory=$((memory / 1024))
  else
    taken=$(seconds "${command[@]}")
  fi
  printf '%-36s %8.2f %14.2f %8s %10d\n' "$label" "$taken" \
    "$(awk -v a="$taken" -v e="$eigen" 'BEGIN { print a / e }')" "$memory" \
    $(($(stat -c %s "$work/example.o") / 1024))
}
printf '\n%-36s %8s %14s %8s %10s\n' "compile at -O2 (user time)" s "x Eigen/Core" MB "object kB"
for example in energy_distance train_in_memory; do
  compile "$example" "examples/$example.cpp"
  compile "  with vcell::instantiations" "examples/$example.cpp" -DVCELL_INSTANTIATIONS
done
for source in cmake/instantiations/*.cpp; do
  compile "$source" "$source" -DVCELL_INSTANTIATIONS -DVCELL_FILES_INSTANTIATIONS \
    -DVCELL_PIPELINE_INSTANTIATIONS
done
