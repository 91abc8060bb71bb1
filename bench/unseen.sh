#!/bin/sh
# Perturbations that no context trains on: simulated screens of the seeds 0, 1 and 2 with 120
# perturbations, a fifth of them held out in all contexts, predicted from every control cell by State
# Transition and by what needs no training. Every screen twice: with the features that the simulation
# gives, and with these dealt to other perturbations, where nothing is left to be told by them.
#
#   bench/unseen.sh PROGRAM [FLAGS OF RUN...]
set -eu
if [ $# -lt 1 ]; then
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
fi
vcell=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Gives every perturbation the features of the one some places further on; the control keeps its own.
shuffled() {
  awk -F, -v control=non-targeting '
    NR == 1 { print; next }
    $1 == control { print; next }
    { n++; name[n] = $1; sub(/^[^,]*,/, ""); vector[n] = $0 }
    END { for (i = 1; i <= n; i++) print name[i] "," vector[(i * 37 + 11) % n + 1] }' "$1"
}

printf '%-10s %-10s %-22s %14s %10s %24s %10s\n' screen features method pearson_delta mae_delta \
  discrimination_score_l1 edistance
for n in 0 1 2; do
  screen=$work/simulated_$n
  "$vcell" simulate --perturbations 120 --seed "$n" --out "$screen.h5ad" >/dev/null 2>&1
  "$vcell" split --data "$screen.h5ad" --context-key context --kind perturbation --seed 42 \
    --out "$screen.toml" >/dev/null 2>&1
  shuffled "$screen.features.csv" >"$screen.shuffled.csv"
  for features in features shuffled; do
    "$vcell" run --data "$screen.h5ad" --context-key context --split "$screen.toml" \
      --perturbation-features "$screen.$features.csv" --predict-from all \
      --methods state_transition --methods context_mean --methods feature_nearest \
      --methods feature_ridge --methods feature_kernel_ridge "$@" --out "$work/run" --overwrite \
      2>"$work/log" >/dev/null || { cat "$work/log" >&2; exit 1; }
    for table in "$work/run" "$work"/run/baselines/*/; do
      awk -F, -v screen="$n" -v features="$features" -v method="$(basename "$table")" '
        NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i }
        $1 == "mean" { for (i = 1; i <= NF; i++) value[name[i]] = $i }
        END { sub(/^run$/, "State Transition", method)
              printf "%-10s %-10s %-22s %14.4f %10.4f %24.4f %10.4f\n", screen, features, method,
                value["pearson_delta"], value["mae_delta"], value["discrimination_score_l1"],
                value["edistance"] }' "$table/agg_results.csv"
    done
  done
done
