"""Chapter 3: count models of surnames, on other splits and at other settings than the page can afford."""

from llmbook.book import experiment
from llmbook.data import load_names
from llmbook.math_foundations.evaluation import evaluate, score
from llmbook.math_foundations.ngram import NGram, add_k, kneser_ney


def encoded(seed):
    names = load_names(seed=seed)
    parts = (names.train, names.validation, names.test)
    return [names.encode(part) for part in parts]


@experiment(
    "03-sweep",
    seeds=range(3),
    orders=[1, 2, 3, 4, 5, 6, 7, 8],
    ks=[0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 1.0, 3.0],
    discounts=[0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0],
)
def sweep(seed, *, orders, ks, discounts):
    """Score every order at every setting, on the validation names of a split. (orders, settings)"""
    train, validation, _ = encoded(seed)

    def nats(order, smoothing, names):
        return evaluate(NGram(order, 27, smoothing).fit(train), names)

    some = train[: len(validation)]  # as many names that the model has seen
    return {
        "add-k": [[nats(order, add_k(k), validation) for k in ks] for order in orders],
        "kneser-ney": [[nats(order, kneser_ney(d), validation) for d in discounts] for order in orders],
        "add-k, train": [nats(order, add_k(0.1), some) for order in orders],
        "kneser-ney, train": [nats(order, kneser_ney(0.9), some) for order in orders],
    }


@experiment("03-splits", seeds=range(1, 6))
def splits(seed):
    """Score the chapter's models on the test names of other splits than its own."""
    train, _, test = encoded(seed)
    models = {
        "uniform": NGram(0, 27, add_k(1.0)),
        "unigram": NGram(1, 27, add_k(0.1)),
        "bigram": NGram(2, 27, add_k(0.1)),
        "trigram": NGram(3, 27, add_k(0.2)),
        "add-k 4-gram": NGram(4, 27, add_k(0.2)),
        "add-k 5-gram": NGram(5, 27, add_k(0.1)),
        "Kneser-Ney 4-gram": NGram(4, 27, kneser_ney(0.85)),
        "Kneser-Ney 5-gram": NGram(5, 27, kneser_ney(0.9)),
        "Kneser-Ney 7-gram": NGram(7, 27, kneser_ney(0.95)),
    }
    scores = {name: score(model.fit(train), test) for name, model in models.items()}
    difference, error = scores["add-k 4-gram"].minus(scores["Kneser-Ney 7-gram"])
    return {name: s.mean for name, s in scores.items()} | {"gain": difference, "gain error": error}
