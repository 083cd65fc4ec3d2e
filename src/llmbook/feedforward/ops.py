"""Chapter 5: every rule so far, recorded: the same names, for Tensors."""

from llmbook.feedforward import activations, rules
from llmbook.feedforward.tape import record
from llmbook.math_foundations import softmax as _softmax

logsumexp = record(_softmax.logsumexp)
softmax = record(_softmax.softmax)
log_softmax = record(_softmax.log_softmax)
cross_entropy = record(_softmax.cross_entropy)

relu = record(activations.relu)
tanh = record(activations.tanh)
sigmoid = record(activations.sigmoid)
silu = record(activations.silu)
gelu = record(activations.gelu)

add = record(rules.add)
multiply = record(rules.multiply)
divide = record(rules.divide)
minimum = record(rules.minimum)
matmul = record(rules.matmul)
linear = record(rules.linear)
exp = record(rules.exp)
clip = record(rules.clip)
total = record(rules.total)
mean = record(rules.mean)
center = record(rules.center)
take = record(rules.take)
reshape = record(rules.reshape)
transpose = record(rules.transpose)
concatenate = record(rules.concatenate)
