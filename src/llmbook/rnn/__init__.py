"""Section 4: recurrent networks, and backpropagation through time."""
