#!/usr/bin/env python3
"""Differential expression by pdex, scanpy and illico, and by vcell, on the same file, one after the other, alternately.

    bench/peers/de.py BUILD FILE [--rounds 3] [--threads 2] [--peers illico pdex scanpy]

BUILD is the folder of a release build with its benchmarks (target vcell_bench_differential_expression). FILE is made if
it is not there: log1p values of --cells x --genes (20,000 x 18,080), 49 % of them stored, in 150 groups and a control
of a fifteenth of the cells, not compressed. The packages of the peers are installed in a venv of their own, whose python
runs this file:

    python3 -m venv peers && peers/bin/pip install -r bench/peers/requirements-evaluation.txt

Measured is from the file to the table in memory, in a program of its own whose imports and, for compiled code, a first
run on a small piece are not counted. Printed are medians over the rounds and their ratio, ours by theirs: below 1 vcell
is faster, or smaller.
"""
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time


def make(path, cells, genes, groups):
    import h5py
    import numpy as np

    rng = np.random.default_rng(1)
    labels = np.where(rng.random(cells) < 1 / 15, groups, rng.integers(0, groups, cells))
    names = [f"GENE{i:05d}" for i in range(genes)]
    share = np.clip(rng.beta(0.9, 0.94, genes), 0.001, 0.999)  # of cells that express a gene
    level = rng.gamma(2, 1, genes)
    with h5py.File(path + ".part", "w") as f:
        f.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        x = f.create_group("X")
        x.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": np.array([cells, genes])})
        data = x.create_dataset("data", (0,), "f4", maxshape=(None,), chunks=(1 << 20,))
        indices = x.create_dataset("indices", (0,), "i4", maxshape=(None,), chunks=(1 << 20,))
        indptr = [0]
        for first in range(0, cells, 500):
            n = min(500, cells - first)
            there = rng.random((n, genes), dtype=np.float32) < share
            rows, columns = np.nonzero(there)
            counts = 1 + rng.poisson(level[columns])
            depth = rng.gamma(8, 1 / 8, n)
            values = np.log1p(counts / depth[rows]).astype("f4")
            for dataset, part in ((data, values), (indices, columns.astype("i4"))):
                old = dataset.shape[0]
                dataset.resize(old + len(part), 0)
                dataset[old:] = part
            indptr.extend(indptr[-1] + np.cumsum(there.sum(1)))
        x.create_dataset("indptr", data=np.array(indptr, "i4" if indptr[-1] < 2**31 else "i8"))
        text = h5py.string_dtype()
        for name, index in (("obs", [f"cell{i}" for i in range(cells)]), ("var", names)):
            g = f.create_group(name)
            g.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index"})
            g.attrs["column-order"] = np.array(["target_gene"] if name == "obs" else [], dtype=text)
            d = g.create_dataset("_index", data=index, dtype=text)
            d.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
        c = f["obs"].create_group("target_gene")
        c.attrs.update({"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False})
        c.create_dataset("codes", data=labels.astype("i2")).attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        d = c.create_dataset("categories", data=[f"P{i:03d}" for i in range(groups)] + ["non-targeting"], dtype=text)
        d.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
    os.rename(path + ".part", path)


def peer(name, path, threads):
    """Seconds from the file to the table, and MiB at its peak, in this program."""
    import warnings

    import anndata

    warnings.filterwarnings("ignore")
    control = "non-targeting"
    if name == "illico":
        from illico import asymptotic_wilcoxon

        test = lambda a: asymptotic_wilcoxon(a, is_log1p=True, group_keys="target_gene", reference=control, n_threads=threads)
    elif name == "pdex":
        from pdex import pdex

        test = lambda a: pdex(a, groupby="target_gene", mode="ref", threads=threads, is_log1p=True)
    else:
        import scanpy

        test = lambda a: scanpy.tl.rank_genes_groups(a, "target_gene", reference=control, method="wilcoxon", use_raw=False)
    read = lambda: anndata.read_h5ad(path)
    small = read()
    some = [small.obs_names[small.obs.target_gene == x][:20] for x in small.obs.target_gene.cat.categories[-3:]]
    test(small[[y for x in some for y in x], :50].copy())
    del small
    start = time.perf_counter()
    test(read())
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def run_peer(name, a):
    env = os.environ | {x: str(a.threads) for x in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")}
    command = [sys.executable, __file__, a.build, a.file, "--peer", name, "--threads", str(a.threads)]
    found = subprocess.run(command, capture_output=True, text=True, env=env)
    if found.returncode:
        sys.exit(f"de.py: {name}: {found.stderr[-3000:]}")
    return json.loads(found.stdout.splitlines()[-1])


def run_ours(a):
    command = [f"{a.build}/bench/differential_expression", "--benchmark_format=json", "--benchmark_min_time=0.001",
               f"--benchmark_filter=threads:{a.threads}/"]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"VCELL_BENCH_FILE": a.file})
    one = json.loads(found.stdout)["benchmarks"][0]
    return {"seconds": one["real_time"] / 1e3, "mib": one["peak_mib"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", help="folder of a release build")
    parser.add_argument("file", help="h5ad, made if it is not there")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cells", type=int, default=20000)
    parser.add_argument("--genes", type=int, default=18080)
    parser.add_argument("--groups", type=int, default=150)
    names = ["illico", "pdex", "scanpy"]
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--peer", choices=names, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        print(json.dumps(peer(a.peer, a.file, a.threads)))
        return
    if not os.path.exists(a.file):
        make(a.file, a.cells, a.genes, a.groups)
    table = csv.writer(sys.stdout)
    table.writerow(["peer", "theirs_s", "ours_s", "ratio", "theirs_mib", "ours_mib", "ratio_mib"])
    median = lambda runs, key: statistics.median(r[key] for r in runs)
    for name in a.peers:
        theirs, ours = [], []
        for i in range(a.rounds):
            for side in ("theirs", "ours") if i % 2 == 0 else ("ours", "theirs"):
                if side == "theirs":
                    theirs.append(run_peer(name, a))
                else:
                    ours.append(run_ours(a))
        row = [name]
        for key, digits in (("seconds", 2), ("mib", 0)):
            t, o = median(theirs, key), median(ours, key)
            row += [round(t, digits), round(o, digits), round(o / t, 4)]
        table.writerow(row)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
