"""The library behind *LLM From Scratch*.

Its package order is the reading order.

====================  =========================================================
``math_foundations``  derivatives, softmax, cross-entropy, n-gram models, the
                      book's one ruler
``feedforward``       activations, layers, the tape, the neural n-gram
``optimization``      optimizers, schedules, checkpoints, the one training loop
``data``              the corpora, pinned by version and hash
``exercises``         the checks of the exercises, one module a section
``book``              claims, leaderboard rows, recorded runs, the figures'
                      style
====================  =========================================================

A section imports only from the sections above it, and from ``data``, which
imports no section.
"""

__version__ = "0.1.0"
