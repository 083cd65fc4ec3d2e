"""Dates: what is written is the date that was meant, by Python's own parser."""

import datetime
import re
from collections import Counter

import pytest

from llmbook.data import load_dates, write_date
from llmbook.data.dates import ENGLISH_FORMATS, FRENCH_FORMATS

# By Python's own names of months and weekdays, which knows nothing of Babel's.
PATTERNS = {
    "en_US full": "%A, %B %d, %Y",
    "en_US long": "%B %d, %Y",
    "en_US medium": "%b %d, %Y",
    "en_US short": "%m/%d/%y",
    "en_GB full": "%A, %d %B %Y",
    "en_GB long": "%d %B %Y",
    "en_GB medium": "%d %b %Y",
    "en_GB short": "%d/%m/%Y",
}
MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
WEEKDAYS = "lundi mardi mercredi jeudi vendredi samedi dimanche".split()


def parse(text, form):
    date = datetime.datetime.strptime(text.replace("Sept ", "Sep "), PATTERNS[form]).date()
    if form.endswith("full"):
        assert f"{date:%A}" == text.split(",")[0]
    return date


def parse_french(text):
    if "/" in text:
        return datetime.datetime.strptime(text, "%d/%m/%Y").date()
    *weekday, day, name, year = text.split()
    [month] = [i for i, m in enumerate(MONTHS, 1) if m.startswith(name.rstrip("."))]
    date = datetime.date(int(year), month, int(day))
    assert weekday in ([], [WEEKDAYS[date.weekday()]])
    return date


def forms_of(text):
    """The formats in which the text can be written: one, or two that agree in May."""
    forms = []
    for form in PATTERNS:
        try:
            date = parse(text, form)
        except ValueError:
            continue
        if write_date(date, form) == text:
            forms.append(form)
    return forms


@pytest.fixture(scope="module")
def dates():
    return load_dates()


@pytest.mark.parametrize("form", ENGLISH_FORMATS)
def test_every_english_format_reads_back(form):
    for days in range(0, 36_525, 13):
        date = datetime.date(1969, 1, 1) + datetime.timedelta(days=days)
        assert parse(write_date(date, form), form) == date


@pytest.mark.parametrize("form", FRENCH_FORMATS)
def test_every_french_format_reads_back(form):
    for days in range(0, 36_525, 13):
        date = datetime.date(1969, 1, 1) + datetime.timedelta(days=days)
        assert parse_french(write_date(date, form)) == date


def test_every_source_means_its_target_and_nothing_else(dates):
    pairs = dates.train + dates.validation + dates.test
    counts = Counter()
    for source, target in pairs:
        forms = forms_of(source)
        assert {str(parse(source, form)) for form in forms} == {target}
        counts[forms[0]] += 1
    assert set(counts) == set(ENGLISH_FORMATS)
    assert min(counts.values()) > 1_300  # of 1,500; in May a medium date is a long one
    assert {len(target) for _, target in pairs} == {10}
    assert min(target for _, target in pairs)[:4] == "1969"
    assert max(target for _, target in pairs)[:4] == "2068"


def test_french_dates_are_the_same_dates_with_the_weekday_where_there_was_one(dates):
    french = load_dates("fr")
    for split in ("train", "validation", "test"):
        for iso, pair in zip(getattr(dates, split), getattr(french, split), strict=True):
            assert iso[0] == pair[0]
            assert str(parse_french(pair[1])) == iso[1]
            assert pair[1][:1].isalpha() == bool(re.match(r"\w+day,", pair[0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_dates("de"), "to is 'de'; it must be 'iso' or 'fr'"),
        (lambda: write_date(datetime.date(2024, 1, 1), "long"), "form is 'long'; it must be one of en_US"),
        (lambda: write_date("2024-01-01", "fr long"), r"day is '2024-01-01'; it must be a datetime\.date"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
