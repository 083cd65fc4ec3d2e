"""One training on several machines, each with its share of every batch; test_several_machines.py runs it."""

import sys

import numpy as np

from llmbook.data import padded
from llmbook.feedforward.language_model import NeuralNGram
from llmbook.optimization.optimizers import AdamW
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import Diverged, train

STEPS = 5


def draw(rng):
    """Draw names of very different lengths: shares of equally many rows then count differently."""
    return padded([rng.integers(9, size=n) for n in (3, 12, 2, 9, 4, 15)])


class Share:
    """What one machine of several reads, and how its losses and gradients meet the others'."""

    def __init__(self, rank, size, add, *, weighted=True, poison=None):
        self.rank, self.size, self.add = rank, size, add
        self.weighted, self.poison, self.step = weighted, poison, 0

    def batches(self, rng):
        """All draw the same batch, and each keeps its rows."""
        token_ids, targets, mask = draw(rng)
        mine = slice(self.rank, None, self.size)
        self.weight = mask[mine].sum() / mask.sum() if self.weighted else 1 / self.size
        return token_ids[mine], targets[mine], mask[mine]

    def reduce(self, value, grads):
        """Add up means over counted positions, weighted by how many were counted."""
        self.step += 1
        if self.poison == (self.rank, self.step):
            value = np.nan
        names = sorted(grads)
        flat = np.concatenate([[value], *(grads[name].ravel() for name in names)])
        flat = self.add(self.weight * flat)
        parts = np.split(flat[1:], np.cumsum([grads[name].size for name in names])[:-1])
        named = zip(names, parts, strict=True)
        return flat[0], {name: part.reshape(grads[name].shape) for name, part in named}


def run(share=None):
    """Train, on one machine if there is no share; return losses and parameters, or the error's text."""
    how = {"context_length": 3, "d_model": 4, "d_hidden": 16, "dtype": np.float64}
    model = NeuralNGram(9, rng=np.random.default_rng(1), **how)
    try:
        history = train(
            model,
            share.batches if share else draw,
            AdamW(0.02),
            steps=STEPS,
            rng=np.random.default_rng(2),
            schedule=warmup_cosine(2, STEPS),
            max_norm=0.5,
            reduce=share.reduce if share else None,
        )
    except Diverged as error:
        return str(error)
    return history["loss"], model.params()


def over_pipe(rank, pipe, options, results):
    """Run one of two processes that are joined by a pipe."""

    def add(flat):
        pipe.send(flat)
        other = pipe.recv()
        return flat + other if rank == 0 else other + flat

    results.put((rank, run(Share(rank, 2, add, **options))))


def over_mpi():
    """Run one of the ranks that mpiexec started; the first writes what came out."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    losses, params = run(Share(world.Get_rank(), world.Get_size(), world.allreduce))
    if world.Get_rank() == 0:
        np.savez(sys.argv[1], losses=losses, size=world.Get_size(), **params)


if __name__ == "__main__":
    over_mpi()
