"""Dates of chapters 15 to 18: as people write them, and in one form.

Babel writes them, by the formats of the Unicode consortium's CLDR.
"""

from datetime import date, timedelta

import numpy as np

from llmbook.data.pairs import Pairs, TokenVocabulary, hold_out

_STYLES = ("full", "long", "medium", "short")
ENGLISH_FORMATS = tuple(
    f"{locale} {style}" for locale in ("en_US", "en_GB") for style in _STYLES
)
FRENCH_FORMATS = tuple(f"fr {style}" for style in _STYLES)

# A hundred years, so that the two digits of "en_US short" say which one; these
# are the hundred that POSIX, and with it Python's %y, means by them.
_FIRST = date(1969, 1, 1)
_DAYS = (date(2069, 1, 1) - _FIRST).days
_TRAIN, _HELD_OUT = 10_000, 1_000


def write_date(day: date, form: str) -> str:
    """Write a date in one of the named formats.

    >>> write_date(date(2024, 9, 1), "en_GB full")
    'Sunday, 1 September 2024'
    >>> write_date(date(2024, 9, 1), "fr medium")
    '1 sept. 2024'

    Args:
        day: the date.
        form: a locale and a style of CLDR, one of `ENGLISH_FORMATS` or
            `FRENCH_FORMATS`.

    Raises:
        ValueError: ``form`` is no such name, or ``day`` no date.
        ModuleNotFoundError: Babel is missing; the extra [book] brings it.
    """
    if form not in ENGLISH_FORMATS + FRENCH_FORMATS:
        raise ValueError(
            f"form is {form!r}; it must be one of "
            f"{', '.join(ENGLISH_FORMATS + FRENCH_FORMATS)}"
        )
    if not isinstance(day, date):
        raise ValueError(f"day is {day!r}; it must be a datetime.date")
    from babel.dates import format_date  # only who asks for dates needs it

    locale, style = form.split()
    return format_date(day, style, locale=locale)


def load_dates(to: str = "iso", *, seed: int = 0) -> Pairs:
    """Load 12,000 dates of 1969 to 2068, each in one English format.

    10,000 are to train, 1,000 to choose by, 1,000 to score once, by characters.
    The formats are equally frequent and not announced: "3/4/23" is American and
    "03/04/2023" British. No date stands twice.

    Args:
        to: the target, "iso" as in 2023-03-04, or "fr", French in the style
            of the source.
        seed: of the dates, their formats and their splits.

    Raises:
        ValueError: ``to`` is neither.
        ModuleNotFoundError: Babel is missing; the extra [book] brings it.

    Source: Unicode CLDR, as packed in Babel 2.18.0.
    """
    if to not in ("iso", "fr"):
        raise ValueError(f"to is {to!r}; it must be 'iso' or 'fr'")
    rng = np.random.default_rng(seed)
    days = rng.permutation(_DAYS)[: _TRAIN + 2 * _HELD_OUT]
    forms = rng.choice(ENGLISH_FORMATS, len(days))
    pairs = []
    for days_later, form in zip(days.tolist(), forms.tolist(), strict=True):
        day = _FIRST + timedelta(days=days_later)
        style = form.split()[1]
        target = str(day) if to == "iso" else write_date(day, f"fr {style}")
        pairs.append((write_date(day, form), target))
    sources, targets = zip(*pairs, strict=True)
    return hold_out(
        pairs,
        _HELD_OUT,
        TokenVocabulary.of(sources),
        TokenVocabulary.of(targets),
    )
