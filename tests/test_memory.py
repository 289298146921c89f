"""Freed memory that is kept: in processes of their own, since the switch is for the whole of one."""

import subprocess
import sys

import pytest

from poise.memory import keep_freed

COUNT = """
import resource, sys
from poise import build
from poise.data.batches import Batches
from poise.game import Batch
from poise.recipes import from_recipe

if sys.argv[1] == "returned":
    build.keep_freed = lambda: False
config, dataset = build.resolve(from_recipe("gan", "fashion-mnist"))
training, batches = build.build(config, dataset), Batches(dataset, config.batch, config.seed)

def faults(steps):
    for step in steps:
        training.play([Batch(*batches[step])], progress=0.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

print(-faults(range(5)) + faults(range(5, 10)))
"""


def faults(way: str) -> int:
    command = [sys.executable, "-c", COUNT, way]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not keep_freed(), reason="the C library has no such switch")
def test_steps_of_a_training_reuse_their_memory() -> None:
    """Without it, five steps cost some thirty thousand page faults."""
    assert faults("kept") < 0.1 * faults("returned")
