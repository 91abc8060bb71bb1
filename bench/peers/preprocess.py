#!/usr/bin/env python3
"""`vcell preprocess` beside brisc and scanpy, from the same file of counts to a file of log1p values, alternately.

    bench/peers/preprocess.py VCELL FILE [--rounds 3] [--threads 2] [--peers brisc scanpy] [--gzip]

VCELL is the program of a release build. FILE is an h5ad file of counts in float32, such as

    vcell simulate --cells 20000 --genes 18080 --density 0.49 --gzip 0 --out FILE

The packages of the peers are installed in a venv of their own, whose python runs this file:

    python3 -m venv peers && peers/bin/pip install -r bench/peers/requirements-preprocess.txt

Everyone reads the file, normalises, takes logarithms, finds 2,000 variable genes and writes a file, not compressed, or with
--gzip by gzip (brisc has no such choice and is left out then). scanpy and vcell do the same: the median of totals, flavor
seurat, X_hvg; brisc divides by the mean of totals, and has flavor seurat_v3 alone. vcell also waits until its file is on the
disk, and then gives it its name; the others leave that to the system. Every run is a program of its own; imports and a first
run on a small piece are not counted. Before each the system is told to bring to the disk what others left.

Printed are medians over the rounds: seconds, seconds of the processors (user and system), MiB at the peak, seconds of the
peer's parts, and ratios, ours by theirs: below 1 vcell is faster, or smaller.
"""
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time


def cpu():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def steps_of_brisc(path, out, threads, gzip):
    from brisc import SingleCell

    state = {}

    def read():
        state["x"] = SingleCell(path, num_threads=threads).skip_qc()

    def hvg():
        state["x"] = state["x"].hvg(QC_column=None, num_genes=min(2000, state["x"].shape[1]), num_threads=threads)

    def normalize():
        state["x"].normalize(QC_column=None, inplace=True, num_threads=threads)

    return {"read": read, "hvg": hvg, "normalize": normalize, "write": lambda: state["x"].save(out, overwrite=True)}


def steps_of_scanpy(path, out, threads, gzip):
    import scanpy as sc

    state = {}

    def read():
        state["x"] = sc.read_h5ad(path)

    def hvg():
        x = state["x"]
        sc.pp.highly_variable_genes(x, n_top_genes=min(2000, x.n_vars))
        x.obsm["X_hvg"] = x[:, x.var.highly_variable].X.toarray()

    return {
        "read": read,
        "normalize": lambda: sc.pp.normalize_total(state["x"]),
        "log1p": lambda: sc.pp.log1p(state["x"]),
        "hvg": hvg,
        "write": lambda: state["x"].write_h5ad(out, compression="gzip" if gzip else None),
    }


def peer(a):
    """Runs one peer in this program and prints what it took."""
    import warnings

    import anndata

    warnings.filterwarnings("ignore")
    make = {"brisc": steps_of_brisc, "scanpy": steps_of_scanpy}[a.peer]
    small = anndata.read_h5ad(a.file, backed="r")[:300].to_memory()
    small.write_h5ad(a.out)
    del small
    for step in make(a.out, a.out + ".small.h5ad", a.threads, a.gzip).values():
        step()
    os.remove(a.out + ".small.h5ad")
    os.remove(a.out)
    parts, begin = {}, (time.perf_counter(), cpu())
    for name, step in make(a.file, a.out, a.threads, a.gzip).items():
        start = time.perf_counter()
        step()
        parts[name] = time.perf_counter() - start
    print(json.dumps({"seconds": time.perf_counter() - begin[0], "cpu": cpu() - begin[1], "parts": parts}))


def run(command, env):
    """Of a program that ended well: its standard output, seconds, seconds of the processors, MiB at its peak."""
    os.sync()
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(command, stdout=out, stderr=errors, env=env)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if child.returncode:
            sys.exit(f"preprocess.py: {command[0]} ended with {child.returncode}: {errors.read()[-3000:]}")
        return out.read(), {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}


def run_peer(name, a, out):
    env = os.environ | {x: str(a.threads) for x in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")}
    command = [sys.executable, __file__, a.program, a.file, "--peer", name, "--out", out, "--threads", str(a.threads)]
    text, whole = run(command + ["--gzip"] * a.gzip, env)
    return whole | json.loads(text.splitlines()[-1])


def run_ours(a, out):
    command = [a.program, "preprocess", "--data", a.file, "--out", out, "--overwrite", "--threads", str(a.threads)]
    return run(command + ["--gzip", "1" if a.gzip else "0"], os.environ)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="vcell of a release build")
    parser.add_argument("file", help="h5ad file of counts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gzip", action="store_true")
    names = ["brisc", "scanpy"]
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--folder", default=".", help="for the files that are written, and removed [.]")
    parser.add_argument("--peer", choices=names, help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        peer(a)
        return
    table = csv.writer(sys.stdout)
    columns = ["seconds", "cpu", "mib"]
    table.writerow(["peer"] + [f"{side}_{x}" for x in columns for side in ("theirs", "ours", "ratio")] + ["parts"])
    for name in a.peers:
        if a.gzip and name == "brisc":
            continue
        theirs, ours = [], []
        with tempfile.TemporaryDirectory(dir=a.folder) as folder:
            out = os.path.join(folder, "out.h5ad")
            for i in range(a.rounds):
                for side in ("theirs", "ours") if i % 2 == 0 else ("ours", "theirs"):
                    if side == "theirs":
                        theirs.append(run_peer(name, a, out))
                    else:
                        ours.append(run_ours(a, out))
                    os.remove(out)
        row = [name]
        for key in columns:
            t, o = (statistics.median(x[key] for x in runs) for runs in (theirs, ours))
            row += [round(t, 2), round(o, 2), round(o / t, 3)]
        parts = {x: statistics.median(r["parts"][x] for r in theirs) for x in theirs[0]["parts"]}
        table.writerow(row + [" ".join(f"{x} {s:.2f}" for x, s in parts.items())])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
