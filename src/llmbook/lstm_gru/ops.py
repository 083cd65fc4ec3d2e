"""Chapter 12: the rules of this section, recorded for Tensors."""

from llmbook.feedforward.tape import record
from llmbook.lstm_gru import gru as _gru
from llmbook.lstm_gru import lstm as _lstm
from llmbook.lstm_gru import mingru as _mingru

lstm = record(_lstm.lstm)
gru = record(_gru.gru)
linear_scan = record(_mingru.linear_scan)
min_gru = record(_mingru.min_gru)
