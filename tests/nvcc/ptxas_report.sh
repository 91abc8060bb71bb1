#!/usr/bin/env bash
# ptxas_report.sh nvcc ... -o OBJECT ...: runs nvcc and keeps what ptxas says of each kernel (-Xptxas=-v)
# in OBJECT.ptxas; everything else is said as ever.
object="" before=""
for word in "$@"; do
  [ "$before" = -o ] && object=$word
  before=$word
done
[ -n "$object" ] || exec "$@"
said=$("$@" 2>&1 >/dev/null)
status=$?
of_ptxas='^ptxas info|bytes stack frame'
grep -E "$of_ptxas" <<<"$said" >"$object.ptxas"
grep -vE "$of_ptxas|^$" <<<"$said" >&2
exit $status
