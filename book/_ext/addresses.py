"""Where the book stands: its own address and its repository's, both from `_config.yml`, and its wheel's.

A fork is published under addresses of its own: the variables BOOK_URL and BOOK_REPOSITORY name them.
"""

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from hatchling.builders.wheel import WheelBuilder
from sphinx.application import Sphinx
from sphinx.config import Config

import llmbook
from outline import ROOT

WHEEL = f"_static/llmbook-{llmbook.__version__}-py3-none-any.whl"


def set_addresses(app: Sphinx, config: Config) -> None:
    """Derive every setting that holds one of the two addresses."""
    book = config.html_baseurl = (os.environ.get("BOOK_URL") or config.html_baseurl).rstrip("/") + "/"
    options = config.html_theme_options
    options["repository_url"] = os.environ.get("BOOK_REPOSITORY") or options["repository_url"]
    config.extlinks = {"repository": (f"{options['repository_url']}/%s", None)}
    config.ogp_site_url = book
    config.notfound_urls_prefix = urlsplit(book).path
    body = config.notfound_context["body"].replace('href="/', f'href="{config.notfound_urls_prefix}')
    config.notfound_context = {**config.notfound_context, "body": body}


def write_wheel(app: Sphinx, exception: Exception | None) -> None:
    """Put the library on the site, where notebooks install it from; it is the same to the byte each time."""
    if exception or app.builder.name != "html":
        return
    target = Path(app.outdir, WHEEL)
    for old in target.parent.glob("llmbook-*.whl"):
        old.unlink()
    [built] = WheelBuilder(str(ROOT)).build(directory=str(target.parent))
    assert built == str(target), built


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    app.connect("config-inited", set_addresses, priority=400)  # before the others look at their settings
    app.connect("build-finished", write_wheel)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": True}
