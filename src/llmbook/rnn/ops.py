"""Chapter 10: the rule of this section, recorded for Tensors."""

from llmbook.feedforward.tape import record
from llmbook.rnn import rnn as _rnn

rnn = record(_rnn.rnn)
