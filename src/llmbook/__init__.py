"""The library behind *LLM From Scratch*.

Its package order is the reading order.

Each package says in its first line what it holds; the page "The library,
function by function" of the book lists them all.

A section imports only from the sections above it, and from ``data``, which
imports no section.
"""

__version__ = "0.1.0"
