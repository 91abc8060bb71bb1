"""Opens a screen that `vcell simulate` wrote and checks what a user of anndata relies on."""

import importlib.metadata
import sys

import anndata
import numpy
import pandas
import scipy.sparse

adata = anndata.read_h5ad(sys.argv[1])
print(adata)

assert adata.n_obs > 0 and adata.n_vars > 0, adata.shape
assert scipy.sparse.issparse(adata.X), type(adata.X)
assert adata.X.shape == (adata.n_obs, adata.n_vars)
assert (adata.X.data >= 0).all() and (adata.X.data == numpy.rint(adata.X.data)).all(), "counts"
assert adata.obs_names.is_unique and adata.var_names.is_unique
for key in ("perturbation", "batch"):
    assert isinstance(adata.obs[key].dtype, pandas.CategoricalDtype), adata.obs[key].dtype
    assert adata.obs[key].notna().all(), key

# What anndata reads it also writes, and gets back the same.
again = sys.argv[1] + ".again.h5ad"
adata.write_h5ad(again)
back = anndata.read_h5ad(again)
assert (back.X != adata.X).nnz == 0
pandas.testing.assert_frame_equal(back.obs, adata.obs)
pandas.testing.assert_frame_equal(back.var, adata.var)
print(f"anndata {importlib.metadata.version('anndata')} reads it: {adata.n_obs} cells, {adata.n_vars} genes")
