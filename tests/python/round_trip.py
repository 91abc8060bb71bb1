"""round_trip.py COPY FOLDER: what anndata writes, COPY reads and writes again, and anndata then finds the same in both:
values, kinds of matrices and dtypes. That for every pair of bounds of the format that h5py knows (libver): what the
HDF5 that COPY has is too old for is refused, by its version and with a way out."""

import importlib.metadata
import pathlib
import re
import subprocess
import sys
import warnings

import anndata
import h5py
import numpy
import pandas
import scipy.sparse

try:
    from anndata.io import write_elem
except ImportError:
    from anndata.experimental import write_elem

warnings.simplefilter("ignore")
copy, folder = sys.argv[1], pathlib.Path(sys.argv[2])
rng = numpy.random.default_rng(1)
cells, genes = 11, 7
counts = rng.poisson(0.7, (cells, genes))


def table(rows, name):
    out = pandas.DataFrame(index=[f"{name}{i}·é" for i in range(rows)])
    for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"):
        out[dtype] = numpy.arange(rows).astype(dtype)
    out["bool"] = numpy.arange(rows) % 2 == 0
    out["text"] = [f"β{i}" for i in range(rows)]
    out["labels"] = pandas.Categorical(["TP53", None, "café"] * (rows // 3) + ["TP53"] * (rows % 3))
    out["numbers"] = pandas.Categorical(numpy.arange(rows) % 3)
    out["ordered"] = pandas.Categorical(numpy.where(out["bool"], "late", "early"), ["early", "late"], ordered=True)
    out["Int64"] = pandas.array([None, *range(1, rows)], dtype="Int64")
    out["UInt8"] = pandas.array([None, *range(1, rows)], dtype="UInt8")
    out["boolean"] = pandas.array([None] + [True] * (rows - 1), dtype="boolean")
    return out


a = anndata.AnnData(scipy.sparse.csr_matrix(counts.astype("float32")), table(cells, "c"), table(genes, "g"))
for dtype in ("int8", "int64", "uint16", "uint64", "float32", "float64"):
    a.layers["dense " + dtype] = counts.astype(dtype)
    a.layers["csr " + dtype] = scipy.sparse.csr_matrix(counts.astype(dtype))
a.layers["dense float16"] = counts.astype("float16")
a.layers["csc float64"] = scipy.sparse.csc_matrix(counts.astype("float64"))
wide = scipy.sparse.csr_matrix(counts.astype("float32"))
wide.indices, wide.indptr = wide.indices.astype("int64"), wide.indptr.astype("int64")
a.layers["csr of int64"] = wide
a.obsm["dense"] = rng.normal(size=(cells, 3)).astype("float32")
a.obsm["cube"] = rng.normal(size=(cells, 2, 2))
a.obsm["sparse"] = scipy.sparse.random(cells, 9, 0.3, "csr", random_state=1)
a.obsm["table"] = pandas.DataFrame({"x": rng.normal(size=cells)}, index=a.obs_names)
a.varm["dense"] = rng.normal(size=(genes, 2))
a.obsp["sparse"] = scipy.sparse.random(cells, cells, 0.3, "csr", random_state=2)
a.varp["dense"] = rng.normal(size=(genes, genes))
a.raw = anndata.AnnData(scipy.sparse.csr_matrix(numpy.hstack([counts, counts]).astype("float32")),
                        var=pandas.DataFrame({"n": range(2 * genes)}, index=[f"w{i}" for i in range(2 * genes)]))
a.uns = {"text": "héllo", "yes": True, "count": 3, "rate": 0.5, "single": numpy.float32(0.25),
         "list": numpy.array(["a", "β"]), "numbers": numpy.arange(4, dtype="int16"), "inner": {"deep": {"x": 1}},
         "sparse": scipy.sparse.csr_matrix(numpy.eye(3, dtype="float32")), "table": table(6, "t"),
         "records": numpy.array([(1, 2.5), (2, 3.5)], dtype=[("i", "i4"), ("f", "f8")])}


def check(one, other, where):
    """Fails, naming the place, where two values differ in kind, dtype or value."""
    if isinstance(one, pandas.DataFrame):
        return pandas.testing.assert_frame_equal(other, one, check_names=True, obj=where)
    if hasattr(one, "items"):
        assert sorted(one) == sorted(other), (where, sorted(one), sorted(other))
        for key in one:
            check(one[key], other[key], f"{where}/{key}")
        return
    if scipy.sparse.issparse(one):
        assert type(one) is type(other), (where, type(one), type(other))
        for part in ("indptr", "indices", "data"):
            check(getattr(one, part), getattr(other, part), f"{where}.{part}")
        assert one.shape == other.shape, where
        return
    assert numpy.asarray(one).dtype == numpy.asarray(other).dtype, (where, one, other)
    assert numpy.array_equal(one, other), (where, one, other)


def check_all(a, b, where):
    check(a.X, b.X, f"{where}X")
    for part in ("obs", "var", "layers", "obsm", "varm", "obsp", "varp", "uns"):
        check(getattr(a, part), getattr(b, part), f"{where}{part}")
    check(a.raw.X, b.raw.X, f"{where}raw/X")
    check(a.raw.var, b.raw.var, f"{where}raw/var")


first, second = folder / "first.h5ad", folder / "second.h5ad"
a.write_h5ad(first)
said = subprocess.run([copy, first, second], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
assert len(said) == 1 and "/uns/records" in said[0], said  # kept as it is
a = anndata.read_h5ad(first)
check_all(a, anndata.read_h5ad(second), "")

same, refused = [], []
bounds = ["earliest", "v108", "v110", "v112", "v114", "v200", "latest"]
for low, high in ((low, high) for i, low in enumerate(bounds) for high in bounds[i:]):
    try:
        with h5py.File(first, "w", libver=(low, high)) as file:
            write_elem(file, "/", a)
    except (KeyError, ValueError, OSError, RuntimeError):
        first.unlink(missing_ok=True)
        continue  # this HDF5 does not write it
    done = subprocess.run([copy, first, second], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        found = re.search(r" is of version (\d+), and this HDF5 \((\d+)\.(\d+)\.\d+\) knows up to (\d+); .*libver=",
                          done.stderr)
        assert found and int(found[1]) > int(found[4]), done.stderr
        own = (int(found[2]), int(found[3]))
        needed = {"v112": (1, 12), "v114": (1, 14), "v200": (2, 0), "latest": h5py.version.hdf5_version_tuple[:2]}
        assert low in needed and own < needed[low], (low, high, done.stderr)
        refused.append((low, high))
        continue
    check_all(a, anndata.read_h5ad(second), f"libver=({low}, {high}): ")
    same.append((low, high))
assert {("earliest", "latest"), ("v108", "v108"), ("v110", "v110")} <= set(same), same
print(f"anndata {importlib.metadata.version('anndata')}: the same after a round trip, dtypes included; {len(same)} pairs "
      f"of HDF5's bounds as well, {len(refused)} need a newer HDF5 than vcell has, which it says")
