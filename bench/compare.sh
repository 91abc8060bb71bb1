#!/bin/sh
# Compares two builds: runs the benchmarks that both have, alternately, and prints medians and their
# ratios. Everything that is compared is measured in the same quarter of an hour, and every benchmark
# runs in a program of its own, so that peak memory is its own too.
#
#   bench/compare.sh BEFORE AFTER [ROUNDS [BENCHMARK [FILTER]]]
#
#   BEFORE, AFTER  build folders, e.g. build/release of two checkouts
#   ROUNDS         runs of either, 5 unless given
#   BENCHMARK      a file of bench without .cpp; state_transition_step unless given
#   FILTER         regular expression over the benchmarks in it
#
# real: elapsed time; cpu: processor time of all threads, which other programs disturb less.
set -eu
if [ $# -lt 2 ]; then
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
fi
before=$1 after=$2 rounds=${3:-5} name=${4:-state_transition_step} filter=${5:-.}
for build in "$before" "$after"; do
  if [ ! -x "$build/bench/$name" ]; then
    echo "compare.sh: $build/bench/$name is not there; build it with" \
      "cmake --build $build --target vcell_bench_$name" >&2
    exit 1
  fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

list() { "$1/bench/$name" --benchmark_list_tests --benchmark_filter="$filter" | sort; }
list "$before" >"$work/before"
list "$after" >"$work/after"
comm -12 "$work/before" "$work/after" >"$work/both"
if [ ! -s "$work/both" ]; then
  echo "compare.sh: the two builds have no benchmark of $name in common that fits '$filter'" >&2
  exit 1
fi

# One line a run: side,benchmark,CSV of the framework with its heading in front.
run() {
  pattern=$(printf '%s' "$3" | sed 's/[][().*+?^$|{}\\]/\\&/g')
  "$2/bench/$name" --benchmark_filter="^$pattern\$" --benchmark_format=csv 2>"$work/errors" |
    awk -F, -v side="$1" -v test="$3" '
      { for (i = 1; i <= NF; ++i) gsub(/"/, "", $i) }
      $1 == "name" { for (i = 1; i <= NF; ++i) heading[i] = $i; next }
      length(heading) && NF >= 5 {
        for (i = 3; i <= NF; ++i) {
          if (heading[i] == "error_message" && $i != "") print $i | "cat >&2"
          if (heading[i] ~ /^(real_time|cpu_time|.*_ms|peak_mib)$/ && $i != "")
            print side "," test "," heading[i] "," $i
        }
      }' >>"$work/figures"
}

echo "load when it began: $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || uptime)"
round=0
while [ "$round" -lt "$rounds" ]; do
  while read -r test; do
    if [ $((round % 2)) -eq 0 ]; then
      run before "$before" "$test" && run after "$after" "$test"
    else
      run after "$after" "$test" && run before "$before" "$test"
    fi
  done <"$work/both"
  round=$((round + 1))
done
echo "load when it ended: $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || uptime)"

sort -t, -k2,2 -k3,3 -k1,1r -k4,4g "$work/figures" | awk -F, '
  function finish() {
    if (!n) return
    median[side] = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    n = 0
  }
  function show() {
    if (test == "" || !("before" in median) || !("after" in median)) return
    printf "%-56s %-14s %12.4g %12.4g %8.3f\n", test, what, median["before"], median["after"],
      median["before"] ? median["after"] / median["before"] : 0
    delete median
  }
  BEGIN { printf "%-56s %-14s %12s %12s %8s\n", "benchmark", "median of", "before", "after", "ratio" }
  $2 != test || $3 != what { finish(); show(); test = $2; what = $3; side = $1 }
  $1 != side { finish(); side = $1 }
  { v[++n] = $4 }
  END { finish(); show() }'
