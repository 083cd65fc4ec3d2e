"""Chapter 8: what all optimizers share: settings, moments, a loop over arrays.

An optimizer knows arrays only: ``step(params, grads)`` takes two flat
dictionaries with the same names, and writes into the arrays of the first.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from llmbook.math_foundations.arrays import as_floats

BLOCK = 262_144  # numbers; what an update touches then stays in the cache
SHARES = {"momentum", "decay", "betas"}  # settings that must be below 1


class Optimizer:
    """Anything that moves parameters; a subclass writes :meth:`update`.

    Args:
        lr: the learning rate.  It may be changed between steps.
        groups: maps a parameter's name to the settings that differ for it, such
            as ``{"weight_decay": 0.0}``; an empty dictionary where none do.  It
            is asked once for each name.
        settings: the optimizer's own, by name.

    Raises:
        ValueError: a setting is unknown or out of its range.
    """

    moments: tuple[str, ...] = ()  # arrays kept for each parameter

    def __init__(self, lr, groups=None, **settings):
        self.lr = lr
        self.groups: Callable[[str], dict[str, Any]] = groups or (lambda _: {})
        self.settings = settings
        self.t = 0  # how many steps were taken
        self.kept: dict[str, np.ndarray] = {}
        self.shapes: dict[str, tuple] = {}  # what _look_up has seen
        _check_settings(settings)

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self._lr

    @lr.setter
    def lr(self, lr):
        if not 0 <= lr < math.inf:
            raise ValueError(f"lr is {lr}; it must be finite, and not negative")
        self._lr = float(lr)  # a NumPy scalar would turn float32 into float64

    def step(
        self, params: dict[str, np.ndarray], grads: dict[str, np.ndarray]
    ) -> None:
        """Move every parameter once, in place.

        Raises:
            ValueError: a parameter is no array of floats, names or shapes of
                ``grads`` are not those of ``params``, the moments kept are not
                those that the parameters need, or ``groups`` returns no
                dictionary, or a setting that is unknown or out of its range.
                Then nothing was moved.
        """
        _check_floats(params)
        grads = {name: as_floats(g, name) for name, g in grads.items()}
        _check_same("grads", grads, params)
        if self.shapes != {name: p.shape for name, p in params.items()}:
            self._look_up(params)
        self.t += 1
        for name, p in params.items():
            moments, settings = self.looked_up[name]
            self.move(p, grads[name], *moments, **settings)

    def _look_up(self, params):
        """Find what belongs to each parameter: its moments and settings."""
        settings = {name: self._settings_of(name) for name in params}
        keys = {
            name: [f"{m}.{name}" for m in self.moments_of(p, settings[name])]
            for name, p in params.items()
        }
        moments = {key: params[name] for name in keys for key in keys[name]}
        if self.t == 0:
            self.kept = {key: np.zeros_like(p) for key, p in moments.items()}
        _check_same("the optimizer's state", self.kept, moments)
        self.looked_up = {
            name: ([self.kept[key] for key in keys[name]], settings[name])
            for name in params
        }
        self.shapes = {name: p.shape for name, p in params.items()}

    def moments_of(self, p, settings):
        """Name the moments that are kept for a parameter."""
        return self.moments

    def move(self, *arrays, **settings):
        """Update one parameter, a block of its rows at a time."""
        for block in zip(*map(blocks, arrays), strict=True):
            self.update(*block, **settings)

    def update(self, p, g, *moments, **settings):
        """Write the new values into p and its moments, never into g."""
        raise NotImplementedError

    def state(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint must hold: the step count and the moments.

        The arrays are the optimizer's own.
        """
        return {"t": np.array(self.t), **self.kept}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Copy what :meth:`state` returned, so that the next step is the same.

        Raises:
            ValueError: there is no step count.  Whether the moments fit is
                seen at the next step.
        """
        if "t" not in state:
            raise ValueError(f"state holds {sorted(state)}; it needs 't'")
        self.kept = {k: np.array(v) for k, v in state.items() if k != "t"}
        self.t = int(state["t"])
        self.shapes = {}  # look the new moments up

    def _settings_of(self, name):
        own = self.groups(name)
        if not isinstance(own, dict):
            raise ValueError(
                f"groups({name!r}) returns {own!r}; it must return a "
                "dictionary of settings, empty where none differ"
            )
        if unknown := own.keys() - self.settings.keys():
            raise ValueError(
                f"groups({name!r}) sets {sorted(unknown)}; "
                f"the settings are {sorted(self.settings)}"
            )
        _check_settings(own)
        return self.settings | own


def blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Cut an array into views of whole rows, about BLOCK numbers each."""
    array = np.atleast_1d(array)
    rows = max(1, BLOCK * len(array) // max(1, array.size))
    for i in range(0, len(array), rows):
        yield array[i : i + rows]


def _check_settings(settings):
    for setting, value in settings.items():
        if setting == "betas" and np.shape(value) != (2,):
            raise ValueError(f"betas is {value}; it must be two numbers")
        values = value if setting == "betas" else [value]
        if setting in SHARES and not all(0 <= v < 1 for v in values):
            raise ValueError(f"{setting} is {value}; it must be in [0, 1)")
        if not all(0 <= v < math.inf for v in values):
            raise ValueError(
                f"{setting} is {value}; it must be finite, and not negative"
            )


def _check_floats(params):
    for name, p in params.items():
        if not isinstance(p, np.ndarray) or p.dtype.kind != "f":
            got = getattr(p, "dtype", type(p).__name__)
            raise ValueError(
                f"params: {name} is {got}; it must be an array of floats, "
                "which a step writes into"
            )


def _check_same(what, given, params):
    if given.keys() != params.keys():
        raise ValueError(
            f"{what} lacks {sorted(params.keys() - given.keys())} "
            f"and has unknown {sorted(given.keys() - params.keys())}"
        )
    for name, p in params.items():
        if given[name].shape != p.shape:
            raise ValueError(
                f"{what}: {name} has shape {given[name].shape}; "
                f"the parameter's is {p.shape}"
            )
