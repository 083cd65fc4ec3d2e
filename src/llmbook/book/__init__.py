"""What a chapter's cells say to its page.

Claims, leaderboard rows, recorded runs, interactive figures and the figures'
style. Everything here also works outside Sphinx and without IPython; then a
line is printed instead of displayed.
"""

from llmbook.book.interactive import interactive
from llmbook.book.ledger import ClaimError, claim, leaderboard_row
from llmbook.book.recorded import Recorded, RunError, runs
from llmbook.book.recording import experiment
from llmbook.book.style import PALETTE, use_style

__all__ = [
    "PALETTE",
    "ClaimError",
    "Recorded",
    "RunError",
    "claim",
    "experiment",
    "interactive",
    "leaderboard_row",
    "runs",
    "use_style",
]
