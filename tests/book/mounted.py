"""Where the interactive figures stand, and what a browser reads from one that has mounted."""

import base64
import json

import numpy as np

from llmbook.rnn.rnn import RNNLanguageModel

PAGES = {
    "letter-temperature": "book/01_math_foundations/03_softmax_cross_entropy.html",
    "find-the-bug": "book/02_feedforward/05_backprop_manual.html",
    "read-the-bits": "book/04_rnn/09_rnn_from_scratch.html",
    "gradient-by-lag": "book/04_rnn/10_rnn_backprop_through_time.html",
    "next-letter": "book/04_rnn/11_rnn_char_language_model.html",
    "bracket-gates": "book/05_lstm_gru/12_lstm_from_scratch.html",
}
SAID = "text => document.querySelector('figure.interactive [role=status]').textContent.includes(text)"


def numbers(found, selector):
    """Return what the elements of a figure have as data-value."""
    texts = found.locator(selector).evaluate_all("all => all.map(element => element.dataset.value)")
    return np.array([float(text) for text in texts])


def reading(found, name):
    """Return one number that the figure shows, unrounded."""
    [value] = numbers(found, f"[data-reading='{name}']")
    return value


def status(found, text):
    """Wait until the figure says this, and return all that it says."""
    found.page.wait_for_function(SAID, arg=text)
    return found.locator("[role=status]").first.inner_text()


def network_of(found, **how):
    """Load what the page has into the library's network."""
    [text] = found.locator("script").all_text_contents()[1:]
    arrays = {
        name: np.frombuffer(base64.b64decode(a["base64"]), "<f4").reshape(a["shape"])
        for name, a in json.loads(text).items()
    }
    V, d_model = arrays["embedding.table"].shape
    network = RNNLanguageModel(V, d_model=d_model, d_hidden=len(arrays["output.W"]), rng=None, **how)
    network.load(arrays)
    return network


def mulberry32(seed):
    """Draw the numbers that the script draws, in unsigned arithmetic of 32 bits."""
    while True:
        seed = (seed + 0x6D2B79F5) % 2**32
        t = (seed ^ seed >> 15) * (seed | 1) % 2**32
        t ^= (t + (t ^ t >> 7) * (t | 61)) % 2**32
        yield (t ^ t >> 14) / 2**32
