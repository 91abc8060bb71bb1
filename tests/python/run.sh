#!/usr/bin/env bash
# run.sh PROGRAM FOLDER COPY: simulates a screen with vcell and opens it with Python's anndata, which then
# compares what COPY reads and writes of files of its own, and reads what vcell converts. Exits with 77 and
# says why where Python or anndata is not to be had.
set -euo pipefail
program=$1
folder=$2
copy=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
  echo "skipped: $1"
  exit 77
}

command -v python3 >/dev/null || skip "python3 is not there"
python=$folder/venv/bin/python
if ! "$python" -c 'import anndata' 2>/dev/null; then
  rm -rf "$folder/venv"
  python3 -m venv "$folder/venv" >/dev/null || skip "python3 cannot make a virtual environment"
  "$python" -m pip install --quiet --disable-pip-version-check 'anndata>=0.8' ||
    skip "pip cannot install anndata"
fi

screen=$folder/screen.h5ad
"$program" simulate --out "$screen" --overwrite --quiet
"$python" "$here/check.py" "$screen"
"$python" "$here/round_trip.py" "$copy" "$folder"
"$python" "$here/check_convert.py" "$program" "$folder"
