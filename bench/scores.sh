#!/bin/sh
# Scores of the defaults of `vcell run`: mean over five seeds, beside the means that need no training,
# on the Papalexi screen (scPerturb's low-MOI file, replicates as contexts, ten perturbations of the
# third held out) and on simulated screens of the seeds 0, 1 and 2. Held-out pairs are predicted from
# every control cell.
#
#   bench/scores.sh PROGRAM [PAPALEXI.h5ad [FLAGS OF RUN...]]
set -eu
if [ $# -lt 1 ]; then
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
fi
vcell=$1
shift
papalexi=
if [ $# -gt 0 ]; then
  papalexi=$1
  shift
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One line a run: screen, method, seed, then the mean of every score that is asked for.
scores() {
  for table in "$2" "$2"/baselines/*/; do
    [ -f "$table/agg_results.csv" ] || continue
    awk -F, -v screen="$1" -v method="$(basename "$table")" -v seed="$3" '
      NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i }
      $1 == "mean" { for (i = 1; i <= NF; i++) value[name[i]] = $i }
      END { print screen, method, seed, value["pearson_delta"], value["mae_delta"],
                  value["discrimination_score_l1"], value["edistance"] }' "$table/agg_results.csv"
  done
}

run() {
  screen=$1
  shift
  for seed in 42 1 2 3 4; do
    "$vcell" run "$@" --predict-from all --seed "$seed" --out "$work/run" --overwrite \
      2>"$work/log" >/dev/null || { cat "$work/log" >&2; exit 1; }
    scores "$screen" "$work/run" "$seed" >>"$work/scores"
  done
}

if [ -n "$papalexi" ]; then
  cat >"$work/split.toml" <<END
[datasets]
screen = "$(realpath "$papalexi")"
[training]
screen = "train"
[fewshot."screen.rep_3"]
test = ["IFNGR1", "JAK2", "STAT1", "SMAD4", "IRF1", "CD86", "ATF2", "STAT2", "CAV1", "BRD4"]
END
  run papalexi --data "$papalexi" --perturbation-key perturbation --control non-targeting \
    --context-key batch --split "$work/split.toml" "$@"
fi
for n in 0 1 2; do
  "$vcell" simulate --seed "$n" --out "$work/simulated_$n.h5ad" >/dev/null 2>&1
  run "simulated_$n" --data "$work/simulated_$n.h5ad" --context-key context "$@"
done

awk '
  { key = $1 " " $2; if (!(key in n)) order[++keys] = key
    n[key]++
    for (i = 4; i <= 7; i++) { sum[key, i] += $i; if ($i == "" || tolower($i) == "nan") bad[key, i] = 1
      if (n[key] == 1 || $i < low[key, i]) low[key, i] = $i
      if (n[key] == 1 || $i > high[key, i]) high[key, i] = $i } }
  END {
    printf "%-36s %24s %24s %24s %24s\n", "mean (least to greatest)", "pearson_delta", "mae_delta",
      "discrimination_score_l1", "edistance"
    for (k = 1; k <= keys; k++) {
      key = order[k]; name = key; sub(/ run$/, " State Transition", name)
      line = sprintf("%-36s", name)
      for (i = 4; i <= 7; i++)
        line = line ((key, i) in bad ? sprintf(" %24s", "-") : sprintf(" %24s",
          sprintf("%.3f (%.3f to %.3f)", sum[key, i] / n[key], low[key, i], high[key, i])))
      print line
    }
  }' "$work/scores"
