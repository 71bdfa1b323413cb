"""A training that is killed at any moment and started again ends with the bits of one that was not.

    python tests/test_descent_kills.py 20       kills twenty trainings, where the tests kill four"""
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

EPOCHS = 40
LEARN = f"""
import sys
import numpy as np
from minife import RBM
from minife.descent import SGD
from minife.rbm.training import PersistentContrastiveDivergence, train
X = np.random.default_rng(0).integers(2, size=(300, 60))
rbm = RBM.initialise(60, 40, np.random.default_rng(1))
print("begins", flush=True)
train(rbm, X, PersistentContrastiveDivergence(20), SGD(0.05, momentum=0.5), {EPOCHS},
      np.random.default_rng(2), checkpoint=sys.argv[1])
print(rbm.W.tobytes().hex())
"""


def learn(path, seconds=None):
    """Return the weights and how long it took, or None if it was killed before it was done."""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", LEARN, str(path)], text=True,
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == "begins\n"
    begin = time.perf_counter()
    if seconds is not None:
        time.sleep(seconds)
        process.kill()                                   # SIGKILL: nothing of it can react
    weights = process.communicate()[0]
    return (weights, time.perf_counter() - begin) if process.returncode == 0 else None


def kill_and_go_on(folder, seed, n_kills):
    """Kill so many trainings at a random moment each; return how many were not yet done then."""
    rng = np.random.default_rng(seed)
    weights, longest = learn(folder / "whole.npz")
    killed = 0
    for number in range(n_kills):
        path = folder / f"{number}.npz"
        killed += learn(path, longest * rng.random()) is None
        assert learn(path)[0] == weights, f"kill number {number} of seed {seed} changed the numbers"
    return killed


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    assert kill_and_go_on(tmp_path, 0, 4) >= 1


if __name__ == "__main__":
    n = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        print(f"{kill_and_go_on(Path(scratch), 1, n)} of {n} trainings were killed while they "
              "learned; all went on to the same bits")
