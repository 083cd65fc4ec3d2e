"""Tie the code-aware execution cache and the notebook downloads into Sphinx."""

import hashlib
import textwrap
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx_codeautolink.extension.block import BUILTIN_BLOCKS, CodeBlockAnalyser
from sphinx_codeautolink.extension.directive import DeferredExamples

import addresses
import execution
import notebooks
import outline

logger = logging.getLogger(__name__)


def share_cache(app: Sphinx, config) -> None:
    """Point myst-nb at the cache that the tests use as well."""
    config.nb_execution_cache_path = str(execution.CACHE)


def read_outdated(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> set[str]:
    """Re-read the chapters whose stamp changed, and the ledger pages when any chapter did."""
    stamps = _stamps(env)
    try:
        current = {docname: execution.stamp(path) for docname, path in _chapters(env).items()}
    except execution.ChapterError as error:
        raise ExtensionError(str(error)) from error
    outdated = {docname for docname in stamps if stamps[docname] != current.get(docname)}
    if outdated | removed | (added | changed) & set(current):
        outdated |= getattr(env, "llmbook_ledger_docs", set())
    return outdated


def execute_stale(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute every stale chapter before any page is read; report all that fail."""
    if app.config.nb_execution_mode == "off":
        return
    results = execution.execute(_chapters(env).values())
    for result in results:
        if result.ran:
            docname = env.path2doc(str(result.path))
            logger.info("executed %s in %.1f s (%.1f CPU-s)", docname, result.seconds, result.cpu_seconds)
    if errors := [result.error for result in results if result.error]:
        for error in errors:
            logger.error(error)
        raise ExtensionError("\n".join(["chapters failed:", *(error.splitlines()[0] for error in errors)]))


def put_stamp(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give a chapter its stamp, under which myst-nb finds it in the cache."""
    if path := _chapters(app.env).get(docname):
        _stamps(app.env)[docname] = execution.stamp(path)
        source[0] = execution.stamped(source[0], _stamps(app.env)[docname])


def forget_document(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop what the environment knows about a document."""
    _stamps(env).pop(docname, None)
    getattr(env, "llmbook_ledger_docs", set()).discard(docname)


def offer_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document
) -> None:
    """Write the executed notebook beside the page's source; the theme links what `ipynb_source` names."""
    path = _chapters(app.env).get(pagename)
    if app.builder.name != "html" or doctree is None or path is None or not (nb := execution.executed(path)):
        return
    options = app.config.html_theme_options
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    blob_url = f"{options['repository_url']}/blob/{options['repository_branch']}"
    titles = {label: title for label, (_, _, title) in app.env.get_domain("std").labels.items()}
    wheel_url = app.config.html_baseurl + addresses.WHEEL
    nbformat.write(notebooks.export(nb, path, blob_url, wheel_url, titles), target)
    context["ipynb_source"] = f"{pagename}.ipynb"


def repeat_warnings(app: Sphinx, exception: Exception | None) -> None:
    """After a build with warnings read everything again next time, else that build would pass in silence."""
    if app._warncount:
        (Path(app.doctreedir) / ENV_PICKLE_FILENAME).unlink(missing_ok=True)


_visit_title = CodeBlockAnalyser.visit_title


def visit_title(self: CodeBlockAnalyser, node: nodes.title) -> None:
    """Track the titles of sections, not those of admonitions, which nothing takes off the stack again."""
    if isinstance(node.parent, nodes.section):
        _visit_title(self, node)


def name_examples(app: Sphinx, doctree: nodes.document) -> None:
    """Head a list of uses by a plain name: a link inside a fold's heading would be two controls in one."""
    for examples in doctree.findall(DeferredExamples):
        examples[0].replace_self(nodes.literal(text=examples.ref.rsplit(".", 1)[-1]))


def depart_section(self: CodeBlockAnalyser, node: nodes.section) -> None:
    """Pop a section's title only if it has one: those of sphinx-exercise and sphinx-proof have none."""
    if self.title_stack and any(isinstance(child, nodes.title) for child in node.children):
        self.title_stack.pop()


def dedent(source: str) -> tuple[str, str]:
    """Let sphinx-codeautolink parse a method that `literalinclude` shows without its class."""
    return source, textwrap.dedent(source)


def _chapters(env: BuildEnvironment) -> dict[str, Path]:
    """Map the docnames of the pages with cells to their files."""
    return {env.path2doc(str(path)): path for path in outline.with_cells()}


def _stamps(env: BuildEnvironment) -> dict[str, str]:
    if not hasattr(env, "llmbook_stamps"):
        env.llmbook_stamps = {}
    return env.llmbook_stamps


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    CodeBlockAnalyser.visit_title = visit_title
    CodeBlockAnalyser.depart_section = depart_section
    BUILTIN_BLOCKS["python"] = dedent
    app.connect("config-inited", share_cache)
    app.connect("env-get-outdated", read_outdated)
    app.connect("env-before-read-docs", execute_stale)
    app.connect("source-read", put_stamp)
    app.connect("doctree-read", name_examples)
    app.connect("env-purge-doc", forget_document)
    app.connect("html-page-context", offer_notebook, priority=400)  # before the theme's buttons
    app.connect("build-finished", repeat_warnings)
    files = [__file__, execution.__file__, notebooks.__file__, outline.__file__]
    version = hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": False, "parallel_write_safe": False}
