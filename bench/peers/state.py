#!/usr/bin/env python3
"""Training steps of arc-state's models and of vcell's on the same shapes, one after the other, alternately.

    bench/peers/state.py BUILD [--rounds 5] [--steps 3] [--threads 2] [--only st|se]

BUILD is the folder of a release build with its benchmarks (targets vcell_bench_state_transition_step and
vcell_bench_state_embedding). The packages of the peers are installed in a venv of their own, whose python runs this
file:

    python3 -m venv peers && peers/bin/pip install -r bench/peers/requirements.txt

Every measurement is a program of its own, so that peak memory is its own too. Printed are medians over the rounds
and their ratio, ours by theirs: below 1 vcell is faster, or smaller. Weights are drawn and inputs are random:
neither is what time depends on. float32 throughout.
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
import types

sys.path.pop(0)  # this folder, where the peer's package `state` would be this file

# Shapes that both sides have: ST state_sm of 16 sets of 128 cells; SE of 4 cells.
SETS, CELLS, GENES, PERTURBATIONS = 16, 128, 2000, 25
SE = dict(cells=4, length=2048, width=512, layers=8, heads=16, hidden=1024, token=5120, table=4096, tasks=512)


def state_transition_peer(steps):
    """Seconds of each step after two that warm up: forward, loss, backward, clipping, Adam."""
    import torch
    from state.tx.models.state_transition import StateTransitionPerturbationModel

    backbone = dict(
        bidirectional_attention=True, max_position_embeddings=CELLS, hidden_size=672, intermediate_size=2688,
        num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=8, head_dim=84, use_cache=False,
        attention_dropout=0.0, hidden_dropout=0.0, layer_norm_eps=1e-6, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, tie_word_embeddings=False, rotary_dim=0, use_rotary_embeddings=False, vocab_size=3,
    )  # fmt: skip
    torch.manual_seed(0)
    model = StateTransitionPerturbationModel(
        input_dim=GENES, hidden_dim=672, output_dim=GENES, pert_dim=PERTURBATIONS, batch_dim=2, gene_dim=GENES,
        hvg_dim=GENES, cell_set_len=CELLS, blur=0.05, loss="energy", distributional_loss="energy", n_encoder_layers=4,
        n_decoder_layers=4, predict_residual=True, use_basal_projection=False, batch_encoder=False, mask_attn=False,
        gene_decoder_bool=False, basal_mapping_strategy="random", embed_key="X_hvg", output_space="gene", dropout=0.1,
        lr=1e-4, batch_size=SETS, control_pert="control", transformer_backbone_key="llama",
        transformer_backbone_kwargs=backbone,
    ).train()  # fmt: skip
    model.log = lambda *a, **k: None
    optimizer = model.configure_optimizers()

    def expression():
        x = torch.log1p(torch.exp(torch.randn(SETS * CELLS, GENES)))
        return x * (torch.rand_like(x) > 0.7)

    one_hot = torch.nn.functional.one_hot(torch.arange(SETS) % PERTURBATIONS, PERTURBATIONS)
    batch = {
        "ctrl_cell_emb": expression(), "pert_cell_emb": expression(),
        "pert_emb": one_hot.float().repeat_interleave(CELLS, 0), "batch": torch.zeros(SETS * CELLS, dtype=torch.long),
    }  # fmt: skip

    def step(i):
        optimizer.zero_grad()
        model.training_step(batch, i).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()

    return timed(step, steps)


def state_embedding_peer(steps, backward):
    """Seconds of each pass of four cells: forward alone, as prediction runs it, or forward, loss and backward."""
    import torch
    from omegaconf import OmegaConf
    from state.emb.nn.model import StateEmbeddingModel

    cfg = OmegaConf.create({
        "embeddings": {"current": "t", "t": {"all_embeddings": "", "ds_emb_mapping": None, "valid_genes_masks": None, "size": SE["token"], "num": SE["table"]}},
        "dataset": {"current": "t", "t": {"ds_type": "h5ad", "num_datasets": 3}, "seed": 42, "pad_length": SE["length"], "pad_token_idx": 0, "cls_token_idx": 3, "P": SE["tasks"], "N": SE["tasks"], "S": SE["tasks"]},
        "model": {"batch_size": SE["cells"], "emsize": SE["width"], "d_hid": SE["hidden"], "nhead": SE["heads"], "nlayers": SE["layers"], "dropout": 0.0, "output_dim": SE["width"], "rda": True, "counts": True, "dataset_correction": True, "num_downsample": 1, "variable_masking": True},
        "optimizer": {"max_lr": 1e-4, "weight_decay": 0.01, "start": 0.33, "end": 1.0, "max_grad_norm": 0.8, "gradient_accumulation_steps": 1},
        "loss": {"name": "tabular", "kernel": "energy", "apply_normalization": False},
    })  # fmt: skip
    torch.manual_seed(0)
    model = StateEmbeddingModel(
        token_dim=SE["token"], d_model=SE["width"], nhead=SE["heads"], d_hid=SE["hidden"], nlayers=SE["layers"],
        output_dim=SE["width"], dropout=0.0, warmup_steps=0, compiled=False, max_lr=1e-4, emb_size=SE["token"],
        collater=None, cfg=cfg,
    )  # fmt: skip
    model.pe_embedding = torch.nn.Embedding.from_pretrained(torch.randn(SE["table"], SE["token"]))
    model.log = lambda *a, **k: None
    # A pass alone: what a trainer would keep is kept by nobody.
    rate = torch.optim.lr_scheduler
    schedule = rate.ChainedScheduler([rate.ConstantLR(torch.optim.AdamW(model.parameters()))])
    model.lr_schedulers = lambda: schedule
    model._trainer = types.SimpleNamespace(global_step=0, training=True, lr_scheduler_configs=[])
    cells, length, tasks = SE["cells"], SE["length"], 3 * SE["tasks"]
    draw = lambda *shape: torch.randint(0, SE["table"], shape, dtype=torch.int32)
    values = torch.rand(cells, length)
    batch = [
        draw(cells, length), draw(cells, tasks), torch.rand(cells, tasks) * 3, torch.zeros(cells, dtype=torch.long),
        values, torch.zeros(cells, length, dtype=torch.bool), torch.full((cells,), 1e4), values, torch.zeros(cells, dtype=torch.long),
    ]  # fmt: skip

    def step(i):
        if not backward:
            with torch.no_grad():
                model.eval()._compute_embedding_for_batch(batch)
            return
        model.zero_grad()
        model.train().shared_step(batch, i).backward()

    return timed(step, steps)


def timed(step, steps):
    for i in range(2):
        step(i)
    seconds = []
    for i in range(steps):
        start = time.perf_counter()
        step(i + 2)
        seconds.append(time.perf_counter() - start)
    return seconds


# Of each comparison: its peer, and our benchmark with the filter that picks the same shape.
COMPARISONS = {
    "st_step": (lambda n: state_transition_peer(n), "state_transition_step", "state_sm"),
    "se_step": (lambda n: state_embedding_peer(n, True), "state_embedding", "step"),
    "se_forward": (lambda n: state_embedding_peer(n, False), "state_embedding", "forward"),
}


def run_peer(name, steps, threads):
    """In a program of its own: seconds a step, and MiB at its peak."""
    found = subprocess.run(
        [sys.executable, __file__, "--peer", name, "--steps", str(steps), "--threads", str(threads)],
        check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )  # fmt: skip
    return json.loads(found.stdout.splitlines()[-1])


def run_ours(build, name, threads):
    _, program, which = COMPARISONS[name]
    if not os.path.exists(f"{build}/bench/{program}"):
        sys.exit(f"state.py: {build}/bench/{program} is not there; leave {name} out with --only")
    command = [f"{build}/bench/{program}", f"--benchmark_filter=^{which}.*threads:{threads}|^[^/]*/{which}.*threads:{threads}", "--benchmark_format=json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if len(found["benchmarks"]) != 1:
        sys.exit(f"state.py: {command[1]} picks {len(found['benchmarks'])} benchmarks of {program}, expected 1")
    one = found["benchmarks"][0]
    if one.get("error_occurred"):
        sys.exit(f"state.py: {program}: {one.get('error_message')}")
    unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[one["time_unit"]]
    return {"seconds": one["real_time"] * unit, "mib": one["peak_mib"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", help="folder of a release build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="measured in each program of the peer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", help="comparisons whose name begins so")
    parser.add_argument("--peer", choices=COMPARISONS, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.peer:
        import torch

        torch.set_num_threads(a.threads)
        seconds = COMPARISONS[a.peer][0](a.steps)
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": statistics.median(seconds), "mib": mib}))
        return
    if not a.build:
        parser.error("BUILD is missing: the folder of a release build")
    table = csv.writer(sys.stdout)
    table.writerow(["comparison", "theirs_s", "ours_s", "ratio", "theirs_mib", "ours_mib", "ratio_mib"])
    for name in COMPARISONS:
        if a.only and not name.startswith(a.only):
            continue
        theirs, ours = [], []
        for i in range(a.rounds):
            for side in ("theirs", "ours") if i % 2 == 0 else ("ours", "theirs"):
                if side == "theirs":
                    theirs.append(run_peer(name, a.steps, a.threads))
                else:
                    ours.append(run_ours(a.build, name, a.threads))
        median = lambda runs, key: statistics.median(r[key] for r in runs)
        row = [name]
        for key, digits in (("seconds", 3), ("mib", 0)):
            t, o = median(theirs, key), median(ours, key)
            row += [round(t, digits), round(o, digits), round(o / t, 3)]
        table.writerow(row)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
