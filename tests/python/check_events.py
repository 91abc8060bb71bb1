"""Reads with TensorBoard what a training wrote for it, and compares it with metrics.csv."""

import csv
import importlib.metadata
import math
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator

run = sys.argv[1]
events = event_accumulator.EventAccumulator(run + "/tensorboard", size_guidance={"scalars": 0})
events.Reload()
columns = {
    "train/loss": "train_loss",
    "train/learning_rate": "learning_rate",
    "train/gradient_norm": "gradient_norm",
    "validation/loss": "validation_loss",
    "validation/pearson_delta": "pearson_delta",
    "validation/discrimination": "discrimination",
}
assert sorted(events.Tags()["scalars"]) == sorted(columns), events.Tags()["scalars"]
with open(run + "/metrics.csv", newline="") as table:
    rows = list(csv.DictReader(table))
assert rows
for tag, column in columns.items():
    expected = [(int(row["step"]), float(row[column])) for row in rows if row[column]]
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    assert [step for step, _ in found] == [step for step, _ in expected], (tag, found, expected)
    for (step, value), (_, wanted) in zip(found, expected):
        assert math.isclose(value, struct.unpack("f", struct.pack("f", wanted))[0], rel_tol=1e-6), (
            tag,
            step,
        )
print(f"tensorboard {importlib.metadata.version('tensorboard')} shows {len(rows)} steps of it")
