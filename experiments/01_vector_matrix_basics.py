"""Chapter 1: words as rows of a count table, on random halves of the plays."""

from collections import Counter

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_shakespeare, spoken_words
from llmbook.math_foundations.linalg import cosine_similarity, low_rank

GROUPS = [
    "father mother brother sister son daughter wife husband",
    "two three four five six ten twenty hundred thousand",
    "hand head eye face heart tongue arm foot",
    "day night hour morning year week month minute",
    "black white red green",
    "king queen prince duke lord earl",
]


def cooccurrences(plays, size, window=4):
    """Count how often each of the most frequent words stands near each. (size, size)"""
    frequency = Counter(word for play in plays for word in play)
    vocabulary = [word for word, _ in frequency.most_common(size)]
    number = {word: i for i, word in enumerate(vocabulary)}
    counts = np.zeros((size, size))
    for play in plays:
        ids = np.array([number.get(word, -1) for word in play])
        for distance in range(1, window + 1):
            left, right = ids[:-distance], ids[distance:]
            known = (left >= 0) & (right >= 0)
            np.add.at(counts, (left[known], right[known]), 1)
    return counts + counts.T, number


def relatives(similarity, number):
    """The share of the groups' words whose most similar word is of their group."""
    similarity = similarity.copy()
    np.fill_diagonal(similarity, -np.inf)
    found = []
    for group in GROUPS:
        ids = [number[word] for word in group.split() if word in number]
        found += [int(similarity[i].argmax()) in ids for i in ids]
    return np.mean(found)


@experiment("01-words", seeds=range(5), size=1000, ranks=[2, 5, 10, 20, 30, 50, 100, 200, 400, 1000])
def words(seed, *, size, ranks):
    """Score similarities on a random half of the training plays."""
    plays = [spoken_words(play) for play in load_shakespeare().train.values()]
    half = np.random.default_rng(seed).permutation(len(plays))[: len(plays) // 2]
    counts, number = cooccurrences([plays[i] for i in half], size)
    roots = np.sqrt(counts / counts.sum(axis=1, keepdims=True))
    left, _ = low_rank(roots, size)
    return {
        "dot product": relatives(counts @ counts.T, number),
        "cosine": relatives(cosine_similarity(counts, counts), number),
        "roots": relatives(cosine_similarity(roots, roots), number),
        "low rank": [relatives(cosine_similarity(left[:, :k], left[:, :k]), number) for k in ranks],
    }
