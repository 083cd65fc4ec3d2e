"""Section 5: gated recurrent networks."""
