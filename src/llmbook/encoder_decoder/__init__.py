"""Section 6: an encoder, a decoder, and attention between them."""
