#!/usr/bin/env python3
"""Torch on a GPU beside vcell: the energy distance of pairs of sets by geomloss, and training steps of State Transition
launched eagerly, kernel by kernel, in the same shapes as gpu_energy_distance and gpu_training_steps.

    bench/peers/gpu.py [BUILD] [--rounds 3] [--only energy|step] [--device cuda] [--tiny]

BUILD is the folder whose bench/ has those programs (cmake/test.sh --cuda makes build/gpu); without one torch is timed
alone. The packages are installed in a venv of their own, whose python runs this file:

    python3 -m venv peers && peers/bin/pip install -r bench/peers/requirements-gpu.txt

The two sides run one after the other, in rounds. Printed are medians of milliseconds and their ratio, ours by theirs:
below 1 vcell is faster. Both have the same precision: float32; tf32, where torch may use it and vcell's energy distance
multiplies as 3xTF32; bfloat16, which for torch is autocast. Weights are drawn and inputs are random: neither is what
time depends on. The model is written here from the paper's formulas; BUILD's count of parameters must be its own.
--tiny has sizes that say nothing, to see that all of it runs; so has --device cpu.
"""
import argparse
import csv
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

PERTURBATIONS = 25
PRECISIONS = ("bfloat16", "tf32", "float32")


@dataclass
class Shape:
    """Of a State Transition model and its batches; the fields of vcell's presets."""

    name: str
    sets: int
    cells: int
    genes: int
    hidden: int
    layers: int
    heads: int
    head_dim: int
    mlp_width: int
    coder_layers: int
    basal_mlp: bool
    dropout: float = 0.1

    @property
    def sizes(self):
        return f"B {self.sets} S {self.cells} genes {self.genes}"


SHAPES = [
    shape
    for genes in (2000, 18080)
    for shape in (
        Shape("state_sm", 16, 128, genes, 672, 4, 8, 84, 2688, 4, False),
        Shape("state_lg", 16, 512, genes, 1488, 6, 12, 124, 5952, 4, True),
    )
]
TINY = [Shape("tiny", 2, 4, 9, 8, 1, 2, 4, 12, 2, False)]
ENERGIES = [(16, 128, 2000)]  # sets, cells of each, genes
TINY_ENERGIES = [(2, 5, 7)]


def coder(width_in, hidden, width_out, layers, dropout):
    """Linear layers with GELU and dropout between them."""
    widths = [width_in] + [hidden] * (layers - 1) + [width_out]
    parts = []
    for i in range(layers):
        parts.append(nn.Linear(widths[i], widths[i + 1]))
        if i + 1 < layers:
            parts += [nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*parts)


class Block(nn.Module):
    """Pre-norm attention among all cells of a set, without positions, and a gated MLP."""

    def __init__(self, s):
        super().__init__()
        width = s.heads * s.head_dim
        self.heads, self.head_dim = s.heads, s.head_dim
        self.norm, self.second_norm = nn.RMSNorm(s.hidden, 1e-6), nn.RMSNorm(s.hidden, 1e-6)
        self.q, self.k, self.v = (nn.Linear(s.hidden, width, bias=False) for _ in range(3))
        self.o = nn.Linear(width, s.hidden, bias=False)
        self.gate, self.up = (nn.Linear(s.hidden, s.mlp_width, bias=False) for _ in range(2))
        self.down = nn.Linear(s.mlp_width, s.hidden, bias=False)

    def forward(self, x):
        y = self.norm(x)
        q, k, v = (p(y).unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2) for p in (self.q, self.k, self.v))
        x = x + self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        y = self.second_norm(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class StateTransition(nn.Module):
    """H = f_cell(control) + f_pert(perturbation);  relu(f_out(backbone(H) + f_cell(control)))."""

    def __init__(self, s):
        super().__init__()
        layers = s.coder_layers
        self.pert = coder(PERTURBATIONS, s.hidden, s.hidden, layers, s.dropout)
        self.cell = coder(s.genes, s.hidden, s.hidden, layers if s.basal_mlp else 1, s.dropout)
        self.out = coder(s.hidden, s.hidden, s.genes, layers, s.dropout)
        self.blocks = nn.Sequential(*(Block(s) for _ in range(s.layers)))
        self.norm = nn.RMSNorm(s.hidden, 1e-6)

    def forward(self, control, perturbation):
        cells = self.cell(control)
        h = (cells + self.pert(perturbation)[:, None]).float()  # what blocks add to is float32
        return F.relu(self.out(self.norm(self.blocks(h)) + cells))


def energy_distance():
    from geomloss import SamplesLoss

    loss = SamplesLoss("energy", backend="tensorized")
    return lambda x, y: loss(x, y).mean()


def energy_pass(sizes, device):
    """Forward and the gradient of one side, as what is run once."""
    sets, cells, genes = sizes
    x = torch.randn(sets, cells, genes, device=device, requires_grad=True)
    y = torch.randn(sets, cells, genes, device=device) + 0.5
    loss = energy_distance()

    def once():
        x.grad = None
        loss(x, y).backward()

    return once


def training_step(s, device, precision):
    """The model, and its step: forward, loss, backward, clipping, Adam."""
    torch.manual_seed(0)
    model = StateTransition(s).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    control, observed = (torch.randn(s.sets, s.cells, s.genes, device=device) + 1 for _ in range(2))
    one_hot = F.one_hot(torch.arange(s.sets, device=device) % PERTURBATIONS, PERTURBATIONS).float()
    loss = energy_distance()

    def once():
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            predicted = model(control, one_hot)
        loss(predicted.float(), observed).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()

    return model, once


def milliseconds(once, device, tiny):
    """Of one run: elapsed time of as many as take a fifth of a second, after some that warm up."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    runs = 1
    while True:
        wait()
        start = time.perf_counter()
        for _ in range(runs):
            once()
        wait()
        seconds = time.perf_counter() - start
        if tiny or (seconds >= 0.2 and runs > 1):
            return 1e3 * seconds / runs
        runs *= 2


def ours(build, program, tiny):
    """What a program of ours printed: {(name, sizes): ms}, and {(name, sizes): parameters}."""
    path = f"{build}/bench/gpu_{program}"
    if not os.path.exists(path):
        sys.exit(f"gpu.py: {path} is not there; cmake/test.sh --cuda builds it")
    found = subprocess.run([path] + ["--tiny"] * tiny, capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"gpu.py: {path} ended with {found.returncode}: {(found.stderr or found.stdout).strip()}")
    times, parameters = {}, {}
    for line in found.stdout.splitlines():
        if match := re.match(r"(\S.*?)\s+(B \d+ S \d+ (?:D|genes) \d+) +([\d.]+) ms", line):
            times[match[1], match[2]] = float(match[3])
        elif match := re.match(r"(\S+), (B \d+ S \d+ genes \d+): (\d+) parameters", line):
            parameters[match[1], match[2]] = int(match[3])
    return times, parameters


def of(table, key, program):
    if key not in table:
        sys.exit(f"gpu.py: gpu_{program} printed no line of {', '.join(key)}; is BUILD of this version?")
    return table[key]


class Report:
    """Rows of one comparison each: medians of both sides over the rounds."""

    def __init__(self):
        self.table = csv.writer(sys.stdout)
        self.table.writerow(["comparison", "sizes", "precision", "theirs_ms", "ours_ms", "ratio"])

    def row(self, comparison, sizes, precision, theirs, own):
        t = statistics.median(theirs)
        o = statistics.median(own) if own else None
        self.table.writerow([comparison, sizes, precision, f"{t:.4f}", *([f"{o:.4f}", f"{o / t:.3f}"] if own else ["", ""])])
        sys.stdout.flush()


def use_precision(precision):
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")


def compare_energies(a, device, report):
    cases = [(sizes, p) for sizes in (TINY_ENERGIES if a.tiny else ENERGIES) for p in ("tf32", "float32")]
    theirs, own = {c: [] for c in cases}, {c: [] for c in cases}
    for _ in range(a.rounds):
        times = ours(a.build, "energy_distance", a.tiny)[0] if a.build else {}
        for sizes, precision in cases:
            use_precision(precision)
            theirs[sizes, precision].append(milliseconds(energy_pass(sizes, device), device, a.tiny))
            if a.build:
                name = f"ours, {'3xTF32' if precision == 'tf32' else precision}, with backward"
                key = name, "B {} S {} D {}".format(*sizes)
                own[sizes, precision].append(of(times, key, "energy_distance"))
    for sizes, precision in cases:
        text = "B {} S {} D {}".format(*sizes)
        report.row("energy_distance, with backward", text, precision, theirs[sizes, precision], own[sizes, precision])


def compare_steps(a, device, report):
    shapes = TINY if a.tiny else SHAPES
    cases = [(i, p) for i in range(len(shapes)) for p in PRECISIONS[: 1 if a.tiny else None]]
    theirs, own = {c: [] for c in cases}, {c: [] for c in cases}
    for _ in range(a.rounds):
        times, parameters = ours(a.build, "training_steps", a.tiny) if a.build else ({}, {})
        for i, precision in cases:
            s = shapes[i]
            use_precision(precision)
            model, once = training_step(s, device, precision)
            if a.build:
                count = sum(p.numel() for p in model.parameters())
                if (expected := of(parameters, (s.name, s.sizes), "training_steps")) != count:
                    sys.exit(f"gpu.py: {s.name} has {count} parameters here and {expected} in {a.build}")
                key = f"{s.name}, {precision}, recorded", s.sizes
                own[i, precision].append(of(times, key, "training_steps"))
            theirs[i, precision].append(milliseconds(once, device, a.tiny))
            del model, once
    for i, precision in cases:
        s = shapes[i]
        report.row(f"{s.name}, step", s.sizes, precision, theirs[i, precision], own[i, precision])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", help="folder whose bench/ has vcell's benchmarks for a GPU")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["energy", "step"])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="of torch")
    parser.add_argument("--tiny", action="store_true")
    a = parser.parse_args()
    if a.device == "cuda" and not torch.cuda.is_available():
        sys.exit(
            f"gpu.py: torch {torch.__version__} finds no GPU, and times of a CPU are no peer of one; "
            "--device cpu --tiny shows that all of it runs"
        )
    device = torch.device(a.device)
    name = torch.cuda.get_device_name() if a.device == "cuda" else "CPU, whose times say nothing"
    print(f"torch {torch.__version__}, {name}", file=sys.stderr)
    report = Report()
    if a.only != "step":
        compare_energies(a, device, report)
    if a.only != "energy":
        compare_steps(a, device, report)


if __name__ == "__main__":
    main()
