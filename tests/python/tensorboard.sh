#!/usr/bin/env bash
# tensorboard.sh PROGRAM FOLDER: trains with vcell and reads what it wrote with Python's tensorboard.
# Exits with 77 and says why where Python or tensorboard is not to be had.
set -euo pipefail
program=$1
folder=$2/tensorboard
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
  echo "skipped: $1"
  exit 77
}

command -v python3 >/dev/null || skip "python3 is not there"
python=$folder/venv/bin/python
if ! "$python" -c 'import tensorboard' 2>/dev/null; then
  rm -rf "$folder/venv"
  mkdir -p "$folder"
  python3 -m venv "$folder/venv" >/dev/null || skip "python3 cannot make a virtual environment"
  "$python" -m pip install --quiet --disable-pip-version-check tensorboard ||
    skip "pip cannot install tensorboard"
fi

screen=$folder/screen.h5ad
"$program" simulate --out "$screen" --genes 30 --perturbations 4 --contexts 2 --cells-per-perturbation 10 \
  --control-cells 20 --overwrite --quiet
"$program" train --data "$screen" --context-key context --out "$folder/run" --overwrite \
  --tensorboard --hidden 8 --layers 1 --heads 1 --head-dim 8 --mlp-width 8 --ensemble 1 \
  --max-steps 20 --validate-every 10 --set-size 8 --batch-size 2 --quiet
"$python" "$here/check_events.py" "$folder/run"
