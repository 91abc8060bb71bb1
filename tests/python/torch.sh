#!/usr/bin/env bash
# torch.sh PROGRAM FOLDER GOLDEN: imports a checkpoint of State with vcell, exports its weights, and
# loads them with torch. VCELL_TORCH_PYTHON names a Python that has torch; else python3 is tried.
# Exits with 77 and says why where there is no torch or no checkpoint: nothing is installed.
set -euo pipefail
program=$1
folder=$2
golden=${VCELL_GOLDEN:-$3}/state_transition
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
  echo "skipped: $1"
  exit 77
}

python=${VCELL_TORCH_PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null || skip "'$python' has no torch; VCELL_TORCH_PYTHON names one that has"
[ -f "$golden/llama_small.ckpt" ] || skip "there is no golden state_transition with checkpoints"

for variant in llama_small gpt2_bidirectional; do
  rm -rf "$folder/$variant"
  "$program" import "$golden/$variant.ckpt" --out "$folder/$variant" --quiet
  "$program" export "$folder/$variant" --out "$folder/$variant.pt" --overwrite --quiet
  "$python" "$here/check_torch.py" "$folder/$variant.pt" "$golden/$variant.ckpt"
done
