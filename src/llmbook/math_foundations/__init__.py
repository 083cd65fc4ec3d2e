"""Section 1: the mathematics a language model is made of."""
