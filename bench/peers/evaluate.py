#!/usr/bin/env python3
"""Evaluation by cell-eval and cell-eval2, and by vcell, on the same files, one after the other, alternately.

    bench/peers/evaluate.py VCELL [--rounds 3] [--threads 2] [--only full|bundle]

VCELL is the program. The packages of the peers are installed in a venv of their own, whose python runs this file:

    python3 -m venv peers && peers/bin/pip install -r bench/peers/requirements-evaluation.txt

`full`: `cell-eval run` and `vcell evaluate`, profile full, no intervals. `bundle`: what the Virtual Cell Challenge of
2026 scores by, `cell-eval2 run`, `baseline`, `prep-real-bundle` and `score`, and `vcell score --rules vcc2026`, which
does all four. The files are 20 perturbations of 100 cells and 500 control cells x 2,000 genes, drawn here; the
predicted ones are other cells of the same distribution with half the effect. Every measurement is a whole program, with
its start and its files. Printed are medians over the rounds and their ratio, ours by theirs: below 1 vcell is faster, or
smaller.
"""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time

PERTURBATIONS, CELLS, CONTROLS, GENES = 20, 100, 500, 2000
KEYS = ["--pert-col", "target_gene", "--control-pert", "non-targeting"]


def make(folder):
    """real.h5ad and pred.h5ad as log1p values, and the same as counts."""
    import anndata
    import numpy as np
    import pandas as pd
    import scipy.sparse as sp

    rng = np.random.default_rng(1)
    genes = np.array([f"GENE{i:05d}" for i in range(GENES)])
    names = genes[rng.choice(GENES, PERTURBATIONS, replace=False)]
    base = rng.lognormal(-1.0, 1.5, GENES)
    effects = np.exp(rng.normal(0, 0.8, (PERTURBATIONS, GENES)) * (rng.random((PERTURBATIONS, GENES)) < 0.1))
    labels = np.concatenate([np.repeat("non-targeting", CONTROLS), np.repeat(names, CELLS)])
    for side, power in (("real", 1.0), ("pred", 0.5)):
        means = np.concatenate([np.tile(base, (CONTROLS, 1)), np.repeat(base * effects**power, CELLS, axis=0)])
        depth = rng.gamma(8, 1 / 8, (len(labels), 1))
        counts = rng.poisson(means * depth * rng.gamma(2, 0.5, means.shape)).astype(np.float32)
        counts[counts.sum(1) == 0, 0] = 1
        obs = pd.DataFrame({"target_gene": pd.Categorical(labels)}, index=[f"{side}_{i}" for i in range(len(labels))])
        var = pd.DataFrame(index=genes)
        anndata.AnnData(sp.csr_matrix(counts), obs, var).write_h5ad(f"{folder}/{side}_counts.h5ad")
        log = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4).astype(np.float32)
        anndata.AnnData(sp.csr_matrix(log), obs, var).write_h5ad(f"{folder}/{side}.h5ad")


def commands(name, side, folder, vcell, threads, i):
    peers = os.path.dirname(sys.executable)
    out = f"{folder}/{name}_{side}_{i}"
    log, counts = (["-ap", f"{folder}/pred{x}.h5ad", "-ar", f"{folder}/real{x}.h5ad"] for x in ("", "_counts"))
    if name == "full":
        return {
            "theirs": [[f"{peers}/cell-eval", "run", *log, "-o", out, "--profile", "full", "--num-threads", str(threads), *KEYS]],
            "ours": [[vcell, "evaluate", *log, "-o", out, "--profile", "full", "--intervals", "none", "--num-threads", str(threads), *KEYS]],
        }[side]
    two = [f"{peers}/cell-eval2"]
    rules = ["--preset", "vcc2026", "--pert-col", "target_gene"]
    real = f"{folder}/real_counts.h5ad"
    return {
        "theirs": [
            [*two, "run", *counts, "-o", f"{out}_user", *rules],
            [*two, "baseline", "-ar", real, "-o", f"{out}_base", "--save-pred", f"{out}_base.h5ad", *rules],
            [*two, "prep-real-bundle", "--real", real, "--baseline", f"{out}_base.h5ad", "-o", f"{out}_bundle", *rules],
            [*two, "score", "--user-agg", f"{out}_user/agg_results.csv", "--real-bundle", f"{out}_bundle", "-o", f"{out}.csv"],
        ],
        "ours": [[vcell, "score", "--rules", "vcc2026", "--real", real, "--pred", f"{folder}/pred_counts.h5ad", "--out", out,
                  "--perturbation-key", "target_gene", "--threads", str(threads)]],
    }[side]  # fmt: skip


def measure(all_of_it, threads):
    """Seconds of some programs in turn, and the largest peak of memory among them in MiB."""
    env = os.environ | {f"{x}_NUM_THREADS": str(threads) for x in ("OMP", "OPENBLAS", "NUMBA", "POLARS_MAX")}
    env["POLARS_MAX_THREADS"] = str(threads)
    start, peak = time.perf_counter(), 0
    for command in all_of_it:
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, env=env)
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                said.seek(0)
                sys.exit(f"evaluate.py: {' '.join(command)}\n{said.read().decode()[-3000:]}")
        peak = max(peak, usage.ru_maxrss / 1024)
    return {"seconds": time.perf_counter() - start, "mib": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vcell", help="the program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=["full", "bundle"])
    a = parser.parse_args()
    table = csv.writer(sys.stdout)
    table.writerow(["comparison", "theirs_s", "ours_s", "ratio", "theirs_mib", "ours_mib", "ratio_mib"])
    median = lambda runs, key: statistics.median(r[key] for r in runs)
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        for name in ("full", "bundle"):
            if a.only and a.only != name:
                continue
            runs = {"theirs": [], "ours": []}
            for i in range(a.rounds + 1):  # the first round warms caches up
                for side in ("theirs", "ours") if i % 2 == 0 else ("ours", "theirs"):
                    found = measure(commands(name, side, folder, a.vcell, a.threads, i), a.threads)
                    if i:
                        runs[side].append(found)
            row = [name]
            for key, digits in (("seconds", 2), ("mib", 0)):
                t, o = median(runs["theirs"], key), median(runs["ours"], key)
                row += [round(t, digits), round(o, digits), round(o / t, 4)]
            table.writerow(row)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
