"""What the checks of all topics do alike."""

import importlib
import pkgutil

import numpy as np
import pytest

import llmbook.exercises
from llmbook.exercises import derivatives, linalg
from llmbook.exercises.answers import WrongAnswer
from llmbook.math_foundations.scalar import Scalar

MODULES = [
    importlib.import_module(f"llmbook.exercises.{m.name}")
    for m in pkgutil.iter_modules(llmbook.exercises.__path__)
]
TOPICS = [module for module in MODULES if hasattr(module, "CHECKS")]


def test_a_right_answer_is_said_to_be_right(capsys):
    linalg.check("outer-products", lambda A, B: A @ B)
    assert capsys.readouterr().out == "outer-products: right.\n"


def test_an_answer_that_stops_is_reported_with_its_error():
    with pytest.raises(WrongAnswer, match="stopped with IndexError: too many"):
        linalg.check("outer-products", lambda A, B: A[0, 0, 0])
    with pytest.raises(WrongAnswer, match="stopped with TypeError"):
        derivatives.check("sine", lambda x: Scalar(np.sin(x.value), (x, np.cos(x.value))))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__.split(".")[-1])
def test_an_unknown_exercise_lists_the_known_ones(topic):
    with pytest.raises(
        ValueError, match=f"no exercise 'x' with a check; there are: {', '.join(topic.CHECKS)}$"
    ):
        topic.check("x", None)


def test_no_two_topics_check_exercises_of_one_name():
    names = [name for topic in TOPICS for name in topic.CHECKS]
    assert len(names) == len(set(names)) >= 18
