"""Loads weights that `vcell export` wrote and compares them with the checkpoint they came from."""

import sys
import zipfile

import torch

written = torch.load(sys.argv[1], weights_only=True)
expected = torch.load(sys.argv[2], weights_only=False)["state_dict"]

assert zipfile.ZipFile(sys.argv[1]).testzip() is None, "checksums"
tables = {f"transformer_backbone.{name}.weight" for name in ("embed_tokens", "wte", "wpe")}
assert written.keys() == expected.keys() - tables, written.keys() ^ expected.keys()
for name, tensor in written.items():
    assert tensor.dtype == torch.float32 and tensor.is_contiguous(), name
    assert torch.equal(tensor, expected[name]), name

print(f"torch {torch.__version__} reads {len(written)} tensors")
