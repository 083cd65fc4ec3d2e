"""What all pairs of texts promise: no leaks, and the same pairs each time."""

import hashlib
from functools import partial

import numpy as np
import pytest

from llmbook.data import load_dates, load_phrases, padded_pairs, reversal, sorting


def draw(task, seed=0):
    return task(1_000, 12, rng=np.random.default_rng(seed), shortest=4)


LOADERS = {
    "dates": load_dates,
    "French dates": partial(load_dates, "fr"),
    "phrases": load_phrases,
    "reversal": partial(draw, reversal),
    "sorting": partial(draw, sorting),
}
FACTS = {  # sizes of the splits and of both vocabularies, and hashes of the splits
    "dates": [
        [10000, 1000, 1000, 45, 14],
        "278090041912c1ce4aa53ebc5d42a264094f7b07ed329993a51c161073644274",
        "95c65ec4a602a310d272ae5ec12d439cca78ec4b4f7b204518bf362694461b4e",
        "f4a5d58ed371d748590cd70f0a336f7b9491c1a6bcebfcd860534f0d9ce68b5e",
    ],
    "French dates": [
        [10000, 1000, 1000, 45, 37],
        "6da9b3d27273536f4b615ad3eadabeac2bf765928e19ddafb7766862e44ae728",
        "2f2e1b92f095a3e85eb30e7191522875a9d3197b174e84a81748863ba6d2ffa7",
        "70a8a85fdfa1ee4563c468764ac175d4415f876a514a57f650fdd3979cad0b31",
    ],
    "phrases": [
        [1461, 100, 100, 1467, 1532],
        "adc3f4337a6ac70a28b79bf9350598236d42931c7e3726200ba9e53ce27f5a8d",
        "59f6b8d929002ced84b23dc2ef8db41c2303972cf6fe9ddc8b8f85abe43750f4",
        "c8da2339ed852b46ee81e631fcbcf14b4f572fa1b05499ee2563fb028232db00",
    ],
    "reversal": [
        [800, 100, 100, 29, 29],
        "fc2bc3de6cc4ad44bb626f3c35397bcde551cc2f0a2eab0679609ae9b280dbce",
        "ea526881029bc52dc4e4e760077353243352f1e04103acfc3feb00da1034a179",
        "7f32b94af9a9942efa5c27d046cc0a020f92af4859a6a9a1db5265fc1412574c",
    ],
    "sorting": [
        [800, 100, 100, 29, 29],
        "89ed33c5c17662cd628fa755e3890da9bc448de63e17a8acd1f284eafe30b1d6",
        "b4539aa0bc53610613faf31f342b04243022e2c7cc55227d46f9163137a80ec6",
        "45ecea99732ea08934f51e43f1e2465040303a0a0d72271363841fc3be2f7e52",
    ],
}
every_kind = pytest.mark.parametrize("kind", LOADERS)


def splits(data):
    return [data.train, data.validation, data.test]


def digest(pairs):
    return hashlib.sha256("\n".join("\t".join(pair) for pair in pairs).encode()).hexdigest()


@pytest.fixture(scope="module")
def loaded():
    return {kind: load() for kind, load in LOADERS.items()}


@every_kind
def test_the_splits_never_change(loaded, kind):
    data = loaded[kind]
    sizes = [*map(len, splits(data)), len(data.source_vocabulary), len(data.target_vocabulary)]
    assert [sizes, *map(digest, splits(data))] == FACTS[kind]


@every_kind
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_source_and_no_target_stands_in_two_splits(loaded, kind, seed):
    data = LOADERS[kind](seed=seed)
    for side in (0, 1):
        train, validation, test = ({pair[side] for pair in split} for split in splits(data))
        assert train and validation and test
        assert not (train & validation or train & test or validation & test)
    assert (splits(data) == splits(loaded[kind])) == (seed == 0)


@every_kind
def test_texts_come_back_from_their_ids(loaded, kind):
    data = loaded[kind]
    for pairs in splits(data):
        sources, targets = data.encode(pairs)
        assert [data.source_vocabulary.decode(ids) for ids in sources] == [source for source, _ in pairs]
        assert [data.target_vocabulary.decode(ids) for ids in targets] == [target for _, target in pairs]


@every_kind
def test_a_padded_batch_holds_every_text(loaded, kind):
    data = loaded[kind]
    source, source_mask, token_ids, targets, mask = padded_pairs(*data.encode(data.test))
    for i, pair in enumerate(data.test):
        assert data.source_vocabulary.decode(source[i, source_mask[i]]) == pair[0]
        assert data.target_vocabulary.decode(token_ids[i, mask[i]]) == pair[1]
        assert data.target_vocabulary.decode(targets[i, mask[i]]) == pair[1]
    assert not source[~source_mask].any() and not targets[~mask].any()
