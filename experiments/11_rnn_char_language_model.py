"""Chapter 11: recurrent language models of surnames and of Shakespeare, beside the counts of chapter 3."""

import time
from functools import cache, partial

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_names, padded
from llmbook.feedforward.language_model import NeuralNGram, generate, pairs
from llmbook.feedforward.tape import no_grad
from llmbook.lstm_gru.gru import GRU
from llmbook.lstm_gru.lstm import LSTM
from llmbook.math_foundations.evaluation import evaluate, score
from llmbook.math_foundations.ngram import NGram, kneser_ney
from llmbook.math_foundations.softmax import log_softmax, softmax
from llmbook.optimization.optimizers import Adam, AdamW
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.rnn import RNN, RNNLanguageModel

CELLS = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}
DISCOUNTS = {4: 0.85, 5: 0.9, 7: 0.95}  # chosen on the validation names, in chapter 3
LR = 0.004  # "11-rate"


@cache
def surnames():
    """The training, validation and test names as ids."""
    names = load_names()
    return [names.encode(part) for part in (names.train, names.validation, names.test)]


@cache
def counted(order):
    return NGram(order, 27, kneser_ney(DISCOUNTS[order])).fit(surnames()[0])


@cache
def counted_score(order):
    return score(counted(order), surnames()[1])


def draw(batch):
    names, _, _ = surnames()
    return lambda rng: padded([names[i] for i in rng.integers(len(names), size=batch)])


def network(rng, cell="RNN", d_hidden=128, dropout_rate=0.0):
    """The chapter's network, or one of another cell or width; "window" is a neural 6-gram."""
    how = {"d_hidden": d_hidden, "rng": rng, "dropout_rate": dropout_rate}
    if cell == "window":
        return NeuralNGram(27, context_length=5, d_model=10, **how)
    return RNNLanguageModel(27, d_model=32, recurrent=CELLS[cell], **how)


def learned(seed, *kind, steps, lr, optimizer=Adam, dropout_rate=0.0, **how):
    """Train a network on batches of 128 names; the model and the history."""
    rng = np.random.default_rng(seed)
    model = network(rng, *kind, dropout_rate=dropout_rate)
    how |= {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": warmup_cosine(steps // 20, steps)}
    return model, train(model, draw(128), optimizer(lr), **how)


def on_training(model):
    """Nats on as many training names as there are validation names."""
    names, validation, _ = surnames()
    return evaluate(model, names[: len(validation)])


def final(model):
    """Validation, training and test nats, and the lead of counts: [difference, paired standard error]."""
    _, validation, test = surnames()
    ours, once = score(model, validation), score(model, test)
    return {
        "validation": ours.mean,
        "training": on_training(model),
        "test": once.mean,
        "standard error": once.standard_error,
        "behind Kneser-Ney": {str(order): ours.minus(counted_score(order)) for order in DISCOUNTS},
    }


@experiment(
    "11-rate",
    seeds=[101],
    networks={
        "RNN 128": ["RNN", 128, 3000],
        "RNN 256": ["RNN", 256, 1500],
        "GRU 128": ["GRU", 128, 1500],
        "LSTM 128": ["LSTM", 128, 1500],
    },
    lrs=[0.001, 0.004, 0.016],
)
def rates(seed, *, networks, lrs):
    """Validation nats by learning rate, {network: by lr}."""
    results = {}
    for name, (cell, d_hidden, steps) in networks.items():
        for lr in lrs:
            model, _ = learned(seed, cell, d_hidden, steps=steps, lr=lr)
            results.setdefault(name, []).append(evaluate(model, surnames()[1]))
    return results


@experiment("11-names", seeds=range(1, 7), steps=3000, lr=LR, every=375)
def chapter(seed, *, steps, lr, every):
    """The chapter's network: validation nats along the way, and what it ends with."""

    def watch(model):
        return evaluate(model, surnames()[1])

    model, history = learned(seed, steps=steps, lr=lr, evaluate=watch, evaluate_every=every)
    return {"along": history["value"], **final(model)}


def predicted(model, names):
    """Log-probabilities at every symbol that is predicted, name by name, (N, 27), and what came, (N,)."""
    token_ids, targets, mask = padded(names)
    logits = np.concatenate([model.logits(part) for part in np.array_split(token_ids, 20)])
    log_p, _ = log_softmax(logits[mask].astype(float))
    return log_p, targets[mask]


def surprises(model, names):
    log_p, targets = predicted(model, names)
    return -log_p[np.arange(len(targets)), targets]


@cache
def classes():
    """Class every predicted symbol by its place in the name, and by how often its last six were seen.

    The places are 1, 2 and 3, 4 and 5, 6 and 7, and after; the times 0, 1 to 3, 4 to 30, and more.
    """
    codes, numbers = [], 27 ** np.arange(6)
    for names in surnames()[:2]:
        codes.append(pairs(names, 6)[0] @ numbers)
    known, times = np.unique(codes[0], return_counts=True)
    place = np.searchsorted(known, codes[1]).clip(max=len(known) - 1)
    seen = np.where(known[place] == codes[1], times[place], 0)
    position = np.concatenate([np.arange(1, len(name)) for name in surnames()[1]])
    return {"place": np.digitize(position, [2, 4, 6, 8]), "seen": np.digitize(seen, [1, 4, 31])}


def split(nats):
    """Average nats over each class of symbols."""
    return {name: [nats[k == i].mean() for i in range(k.max() + 1)] for name, k in classes().items()}


def to_the_plateau(seed, *, networks, lr):
    """What networks come to, by the number of steps, each with its own schedule: {network: {what: by steps}}.

    With the longest, nats by class of symbol, and those of its mean with Kneser-Ney 7.
    """
    validation, results = surnames()[1], {}
    counts = surprises(counted(7), validation)
    for name, (cell, d_hidden, lengths) in networks.items():
        ends = []
        for steps in lengths:
            model, _ = learned(seed, cell, d_hidden, steps=steps, lr=lr)
            ends.append(final(model))
        nats = surprises(model, validation)
        results[name] = {key: [end[key] for end in ends] for key in ends[0]} | {
            "split": split(nats),
            "mixed": float(-np.logaddexp(-nats, -counts).mean() + np.log(2)),
        }
    shares = {name: np.bincount(k) / len(k) for name, k in classes().items()}
    return results | {"Kneser-Ney 7": {"split": split(counts), "shares": shares}}


@experiment(
    "11-plateau",
    seeds=range(1, 4),
    networks={
        "RNN 128": ["RNN", 128, [1500, 3000, 6000, 12_000]],
        "RNN 256": ["RNN", 256, [1500, 3000, 6000]],
    },
    lr=LR,
)
def plateau(seed, **how):
    """Recurrent networks of two widths."""
    return to_the_plateau(seed, **how)


@experiment(
    "11-gates",
    seeds=range(1, 4),
    networks={"GRU 128": ["GRU", 128, [3000, 6000]], "LSTM 128": ["LSTM", 128, [3000, 6000]]},
    lr=LR,
)
def gates(seed, **how):
    """Networks with gates."""
    return to_the_plateau(seed, **how)


@experiment("11-regularize", seeds=range(1, 3), steps=6000, lr=LR, dropout=[0.1, 0.3], decay=[0.1])
def regularize(seed, *, steps, lr, dropout, decay):
    """The RNN of width 256 with dropout, and with weight decay: [validation, training] nats by its size."""

    def ends(model):
        return [evaluate(model, surnames()[1]), on_training(model)]

    how = {"steps": steps, "lr": lr}
    dropped = [learned(seed, "RNN", 256, dropout_rate=rate, **how)[0] for rate in dropout]
    decayed = [learned(seed, "RNN", 256, optimizer=partial(AdamW, weight_decay=d), **how)[0] for d in decay]
    return {"dropout": [ends(m) for m in dropped], "decay": [ends(m) for m in decayed]}


@experiment(
    "11-cost",
    seeds=[0],
    networks={
        "RNN 128": ["RNN", 128],
        "RNN 256": ["RNN", 256],
        "GRU 128": ["GRU", 128],
        "LSTM 128": ["LSTM", 128],
        "GRU 70": ["GRU", 70],
        "LSTM 60": ["LSTM", 60],
        "neural 6-gram": ["window", 316],
    },
    n_batches=8,
    repeats=20,
    rows=[1, 256],
)
def costs(seed, *, networks, n_batches, repeats, rows):
    """Seconds of a step of training, and of a symbol written so many rows at once.

    Each is the least of several tries, so that a busy moment does not count.
    """
    rng = np.random.default_rng(seed)
    batches = [draw(128)(rng) for _ in range(n_batches)]
    results = {"symbols": float(np.mean([mask.sum() for *_, mask in batches]))}
    results["padding"] = 1 - results["symbols"] / float(np.mean([mask.size for *_, mask in batches]))

    def least(job):
        seconds = []
        for _ in range(repeats):
            start = time.process_time()
            job()
            seconds.append(time.process_time() - start)
        return min(seconds)

    for name, (cell, d_hidden) in networks.items():
        step = partial(
            train, network(rng, cell, d_hidden), optimizer=Adam(LR), steps=1, rng=rng, max_norm=1.0
        )
        steps = [least(partial(step, lambda _, b=batch: b)) for batch in batches]
        model, written = network(rng, cell, d_hidden), []
        for n in rows:
            begin = np.zeros((n, 1), int)
            written.append(least(lambda m=model, b=begin: list(generate(m, b, n_tokens=50))) / 50 / n)
        results[name] = {
            "parameters": model.n_params,
            "step seconds": float(np.mean(steps)),
            "written seconds": written,
        }
    return results


@experiment(
    "11-equal",
    seeds=range(1, 4),
    networks={
        "RNN 128": ["RNN", 128, [3000]],
        "GRU 70": ["GRU", 70, [3000, 2200]],
        "LSTM 60": ["LSTM", 60, [3000, 2300]],
        "neural 6-gram": ["window", 316, [3000, 4300]],
    },
    lr=LR,
)
def equal(seed, *, networks, lr):
    """Networks of about 25,000 parameters after as many steps as the RNN, and as many seconds ("11-cost").

    {network: {what: a value for both}}, with the lead of the RNN on the validation names.
    """
    results, scores, validation = {}, [], surnames()[1]
    for name, (cell, d_hidden, lengths) in networks.items():
        for steps in lengths:
            model, _ = learned(seed, cell, d_hidden, steps=steps, lr=lr)
            scores.append(score(model, validation))
            end = final(model) | {"behind the RNN": scores[-1].minus(scores[0])}
            for key, value in end.items():
                results.setdefault(name, {}).setdefault(key, []).append(value)
    return results


def roles(k=None):
    """Say which symbols a property is about: its own ones, or in the k-th control others, which mean nothing.

    The letters that are called vowels (as frequent together as a, e, i, o, u), the letter that is called the
    same as each, what is called the beginning with mc or mac (another of about as many names), the number
    that each place has, and the next symbol that is called the end.
    """
    encode = load_names().vocabulary.encode
    if k is None:
        return encode("aeiou"), np.arange(27), [encode("mc"), encode("mac")], np.arange(40), 0
    rng, (names, *_) = np.random.default_rng(k), surnames()
    frequency = np.bincount(np.concatenate(names), minlength=27) * (np.arange(27) > 0)
    letters = rng.permutation(np.arange(1, 27))
    n = np.searchsorted(frequency[letters].cumsum(), frequency[encode("aeiou")].sum())
    starts, times = np.unique([name[1] * 27 + name[2] for name in names if len(name) > 3], return_counts=True)
    mc = times[starts == encode("mc") @ [27, 1]]
    start = starts[np.argsort(abs(times - mc))[1 + k]]
    places = np.append(0, rng.permutation(np.arange(1, 40)))
    return (
        letters[:n],
        np.append(0, letters),
        [np.array(divmod(start, 27))],
        places,
        frequency.argsort()[-1 - k],
    )


def properties(ids, targets, vowels, twin, starts, places, end):
    """What a unit may track after each symbol.  (B, T) -> {name: (B, T)}"""
    steps, vowel = np.arange(ids.shape[1]), np.isin(ids, vowels)
    before = np.pad(ids[:, :-1], ((0, 0), (1, 0)))
    begins = [(ids[:, 1 : len(s) + 1] == s).all(axis=1)[:, None] & (steps >= len(s)) for s in starts]
    return {
        "place": np.broadcast_to(places[steps], ids.shape),
        "vowel": vowel,
        "vowel before": np.isin(before, vowels),
        "since a vowel": steps - np.maximum.accumulate(np.where(vowel, steps, 0), axis=1),
        "twice": ids == twin[before],
        "mc or mac": np.any(begins, axis=0),
        "end": targets == end,
    }


def standardized(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def single(states, labels):
    """Choose the unit that correlates most with each label on one half: its |correlation| on the other."""
    half = len(states) // 2
    first, other = (
        np.abs(standardized(states[part]).T @ standardized(labels[part])) / half
        for part in (slice(half), slice(half, 2 * half))
    )
    return np.take_along_axis(other, first.argmax(axis=0)[None], axis=0)[0]


def together(states, labels):
    """The same of the best weighted sum of all units."""
    half = len(states) // 2
    states = np.column_stack([states, np.ones(len(states))])
    read = states[half:] @ np.linalg.lstsq(states[:half], labels[:half], rcond=None)[0]
    return np.abs((standardized(read) * standardized(labels[half:])).mean(axis=0))


@experiment("11-units", seeds=range(1, 7), steps=3000, lr=LR, n_names=4000, n_controls=20)
def units(seed, *, steps, lr, n_names, n_controls):
    """How well the best single unit tracks properties, {states: {property: |correlation| on other names}}.

    Beside trained units: those of the untrained network, random directions of the trained states, as many,
    and the mean and the largest over controls, in which the property is about other symbols.
    """
    token_ids, targets, mask = padded(surnames()[1][:n_names])
    mask &= np.arange(mask.shape[1]) > 0  # states after a letter
    rng = np.random.default_rng(seed)
    model, _ = learned(seed, steps=steps, lr=lr)

    def states(model):
        with no_grad():
            y, _ = model.recurrent(model.embedding(token_ids))
        return y[mask].astype(float)

    def labels(k=None):
        return np.stack([p[mask] for p in properties(token_ids, targets, *roles(k)).values()], axis=1) * 1.0

    trained, untrained = states(model), states(network(rng))
    drawn = trained @ rng.standard_normal((trained.shape[1],) * 2)
    names, real = list(properties(token_ids, targets, *roles())), labels()
    controls = [labels(k) for k in range(n_controls)]
    alone = np.array([single(trained, control) for control in controls])
    results = {
        "trained": single(trained, real),
        "untrained": single(untrained, real),
        "directions": single(drawn, real),
        "controls": alone.mean(axis=0),
        "controls, largest": alone.max(axis=0),
        "all units": together(trained, real),
        "all units, untrained": together(untrained, real),
        "all units, controls": np.mean([together(trained, control) for control in controls], axis=0),
    }
    return {name: dict(zip(names, row, strict=True)) for name, row in results.items()}


def written(model, rng, n, temperature=1.0):
    """Draw names from a model, as texts without marks."""

    def choose(logits):
        p, _ = softmax(logits.astype(float) / temperature)
        return (p.cumsum(axis=-1) < rng.random((len(p), 1))).sum(axis=-1).clip(max=26)

    symbols = np.stack(list(generate(model, np.zeros((n, 1), int), n_tokens=40, choose=choose, stop=0)))
    decode = load_names().vocabulary.decode
    return ["".join(decode(row)).partition(".")[0] for row in symbols.T]


def kinds(texts):
    """Shares that are training names, other surnames, and said before; the mean length."""
    names, n = load_names(), len(texts)
    train, held_out = set(names.train), {*names.validation, *names.test}
    return {
        "in training": sum(t in train for t in texts) / n,
        "other surnames": sum(t in held_out for t in texts) / n,
        "repeated": 1 - len(set(texts)) / n,
        "letters": sum(map(len, texts)) / n,
    }


@experiment(
    "11-mistakes", seeds=range(1, 7), steps=3000, lr=LR, temperatures=[0.3, 0.5, 0.7, 1.0, 1.3], n=2000
)
def mistakes(seed, *, steps, lr, temperatures, n):
    """What the field's mistakes are worth in nats, what temperature makes of samples, and two checks.

    The first check overfits one batch of 128 names, whose entropy is ln 128 a name.  The second compares the
    surprise of a model at what it wrote with its own entropy: [difference, standard error] by temperature.
    """
    names, validation, _ = surnames()
    rng = np.random.default_rng(seed)
    model, _ = learned(seed, steps=steps, lr=lr)
    stream = np.concatenate([[0], *[name[1:] for name in validation]])
    results = {"at first": evaluate(network(rng), validation)}
    for title, judged in {"RNN": model, "Kneser-Ney 7": counted(7)}.items():
        texts = {str(t): written(judged, rng, n, t) for t in temperatures}
        result = score(judged, validation)
        results[title] = {
            "validation": result.mean,
            "training": on_training(judged),
            "mean of means": (result.nats / result.symbols).mean(),
            "state carried on": evaluate(judged, [stream]),
            "written": {t: kinds(some) for t, some in texts.items()},
        }
        if judged is model:
            for t in "0.7", "1.0":
                log_p, targets = predicted(model, load_names().encode(texts[t]))
                excess = (np.exp(log_p) * log_p).sum(axis=-1) - log_p[np.arange(len(targets)), targets]
                results[f"surprise at {t}"] = [excess.mean(), excess.std() / len(excess) ** 0.5]
    batch, few = padded(names[:128]), network(rng)
    train(few, lambda _: batch, Adam(lr), steps=1000, rng=rng, max_norm=1.0, schedule=warmup_cosine(50, 1000))
    return results | {"one batch": float(few.loss(*batch)), "entropy": 128 * np.log(128) / batch[2].sum()}
