"""check_convert.py PROGRAM FOLDER: what `vcell convert` writes as 10x .h5, CSV, TSV and triplets, read by what people read
such files with."""

import gzip
import importlib.util
import pathlib
import subprocess
import sys

import anndata
import h5py
import numpy
import pandas
import scipy.io
import scipy.sparse

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
cells, genes = 23, 17
counts = numpy.random.default_rng(3).poisson(0.4, (cells, genes))
counts[:, 3] = 0
counts[5] = 0
counts[0, 0] = 2**24 + 1  # which float32 has not
a = anndata.AnnData(
    scipy.sparse.csr_matrix(counts),
    pandas.DataFrame({"label": pandas.Categorical(["x", "y, z"] * 11 + ["x"]), "n": range(cells)},
                     index=[f"cell-{i}" for i in range(cells)]),
    pandas.DataFrame({"gene_ids": [f"ENSG{i}" for i in range(genes)]}, index=[f"g{i}" for i in range(genes)]))
a.write_h5ad(folder / "counts.h5ad")


def convert(name, *more):
    out = folder / name
    subprocess.run([program, "convert", "--data", folder / "counts.h5ad", "--out", out, "--overwrite", "--quiet", *more],
                   check=True, stdout=subprocess.DEVNULL)
    return out


def check(values, cell_names, gene_names, where, expected=counts):
    assert numpy.array_equal(numpy.asarray(values), expected), where
    assert list(cell_names) == list(a.obs_names), (where, list(cell_names))
    assert list(gene_names) == list(a.var_names), (where, list(gene_names))


path = convert("counts.h5", "--to", "10x")
with h5py.File(path) as file:
    group = file["matrix"]
    matrix = scipy.sparse.csc_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=group["shape"][:])
    assert group["data"].dtype == numpy.int32 and group["indices"].dtype == numpy.int64, "10x"
    check(matrix.toarray().T, group["barcodes"].asstr()[:], group["features/name"].asstr()[:], "10x")
    assert list(group["features/id"].asstr()[:]) == list(a.var["gene_ids"])
    assert set(group["features/feature_type"].asstr()[:]) == {"Gene Expression"}
readers = ["h5py", "pandas", "scipy"]
if importlib.util.find_spec("scanpy"):
    import scanpy

    b = scanpy.read_10x_h5(path)
    check(b.X.toarray(), b.obs_names, b.var_names, "10x by scanpy", counts.astype("float32"))
    readers.append("scanpy")

for name, separator in (("counts.csv", ","), ("counts.tsv", "\t"), ("counts.tsv.gz", "\t")):
    table = pandas.read_csv(convert(name), sep=separator, index_col=0)
    assert (table.dtypes == "int64").all(), name
    check(table.to_numpy(), table.index, table.columns, name)
    metadata = folder / name.replace(".", ".metadata.", 1)
    assert metadata.exists(), sorted(p.name for p in folder.iterdir())
    labels = pandas.read_csv(metadata, sep=separator, index_col=0)
    assert list(labels.index) == list(a.obs_names), name
    assert list(labels["label"]) == list(a.obs["label"]) and list(labels["n"]) == list(a.obs["n"]), name

path = convert("triplets", "--to", "mtx")
matrix = scipy.io.mmread(path / "matrix.mtx.gz")
with gzip.open(path / "barcodes.tsv.gz", "rt") as barcodes, gzip.open(path / "features.tsv.gz", "rt") as features:
    columns = [line.rstrip("\n").split("\t") for line in features]
    check(matrix.toarray().T, barcodes.read().splitlines(), [c[1] for c in columns], "mtx")
    assert [c[0] for c in columns] == list(a.var["gene_ids"])
print("what vcell converts to 10x .h5, CSV, TSV and triplets is read by", ", ".join(readers))
