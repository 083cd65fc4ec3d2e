"""The facts of the surnames, and the split every number of the leaderboard belongs to."""

import dataclasses
import hashlib
import string

import pytest

from llmbook.data import load_names

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def names():
    return load_names()


def digest(names: list[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def test_the_split_never_changes(names):
    assert [len(getattr(names, split)) for split in SPLITS] == [71_039, 8_880, 8_880]
    assert names.train[:3] == ["yedid", "stuller", "farr"]
    assert names.validation[:3] == ["rudi", "merlin", "blackstar"]
    assert names.test[:3] == ["grigsby", "galford", "hamzik"]
    assert [digest(getattr(names, split)) for split in SPLITS] == [
        "f91d62ca83066876852d45bc6939d736d6bdbff8b974f061a140538a0843f8a7",
        "9b7eb5fb37f1cfb6aad4769a9068b1d97963afbe4083809a957f8905ed84f5f7",
        "1574db8d09f7e7e43fd885a022cf1a28d8262d9b269567e5e010611d63dc3a92",
    ]


def test_the_facts(names):
    everything = names.train + names.validation + names.test
    assert len(everything) == len(set(everything)) == 88_799
    assert set("".join(everything)) == set(string.ascii_lowercase)
    assert (min(map(len, everything)), max(map(len, everything))) == (2, 13)


def test_the_vocabulary(names):
    assert len(names.vocabulary) == 27
    assert names.vocabulary.end == "."
    assert names.vocabulary.encode("smith.").tolist() == [19, 13, 9, 20, 8, 0]


def test_another_seed_is_another_split_of_the_same_names(names):
    other = load_names(seed=1)
    assert other.test != names.test
    assert sorted(other.train + other.validation + other.test) == sorted(
        names.train + names.validation + names.test
    )
    assert load_names(seed=1).test == other.test


def test_what_is_loaded_cannot_be_reassigned(names):
    with pytest.raises(dataclasses.FrozenInstanceError):
        names.test = []


def test_one_name_is_no_list_of_names():
    with pytest.raises(ValueError, match="names is 'smith'; it must be a list of names"):
        load_names().encode("smith")
