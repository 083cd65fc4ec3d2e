"""Section 2: networks of layers, and backpropagation."""
