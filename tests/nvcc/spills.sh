#!/usr/bin/env bash
# spills.sh TABLE OBJECTS: lists the kernels that spill registers or have a stack, by the reports beside the
# objects that the file OBJECTS names (ptxas_report.sh), and fails where one spills more than TABLE lets it.
set -euo pipefail
table=$1
reports=()
while IFS= read -r object; do
  [ ! -f "$object.ptxas" ] || reports+=("$object.ptxas")
done <"$2"
if [ ${#reports[@]} = 0 ]; then
  echo "spills.sh: no object that $2 names has a report of ptxas; build vcell_test_gpu first"
  exit 1
fi
demangle=cat
command -v c++filt >/dev/null && demangle=c++filt
cat "${reports[@]}" | "$demangle" | awk -v table="$table" '
  BEGIN {
    while ((getline line <table) > 0)
      if (line !~ /^ *(#|$)/) {
        split(line, words, " ")
        pattern[++bounds] = substr(line, index(line, words[2]))
        bound[bounds] = words[1]
      }
  }
  /Compiling entry function/ {
    match($0, /\x27.*\x27 for \x27/)
    kernel = substr($0, RSTART + 1, RLENGTH - 8)
    arch = substr($0, RSTART + RLENGTH)
    sub(/\x27.*/, "", arch)
  }
  /bytes stack frame/ && kernel != "" {
    ++kernels
    stack = $1; stores = $5; loads = $9
    may = 0
    for (i = 1; i <= bounds; ++i)
      if (kernel ~ pattern[i] && bound[i] + 0 > may) { may = bound[i] + 0; used[i] = 1 }
    wrong = stores + loads > may
    failed += wrong
    if (stack + stores + loads)
      printf "%s%s: stack %d, spills %d + %d bytes, of which %d may be: %s\n",
        wrong ? "WRONG " : "", arch, stack, stores, loads, may, kernel
    kernel = ""
  }
  END {
    for (i = 1; i <= bounds; ++i)
      if (!used[i]) { print "WRONG " table ": no kernel has the name " pattern[i]; ++failed }
    print kernels + 0 " kernels, counted on each architecture; " failed + 0 " wrong"
    exit failed > 0 || kernels == 0
  }'
