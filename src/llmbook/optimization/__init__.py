"""Section 3: how parameters are moved, and the book's one training loop."""
