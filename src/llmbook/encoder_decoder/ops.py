"""Chapter 15: the rules of this section, recorded for Tensors."""

from llmbook.encoder_decoder import attention as _attention
from llmbook.encoder_decoder import bidirectional as _bidirectional
from llmbook.feedforward.tape import record

reverse = record(_bidirectional.reverse)
soft_lookup = record(_attention.soft_lookup)
dot_attention = record(_attention.dot_attention)
additive_attention = record(_attention.additive_attention)
