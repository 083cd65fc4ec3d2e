"""Turn an executed chapter into the notebook that a reader downloads."""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import nbformat
from docutils.parsers.rst import Directive
from myst_nb.core.variables import format_plain_text
from myst_parser.parsers.directives import parse_directive_text
from nbformat import NotebookNode
from sphinx.directives.code import LiteralIncludeReader

from execution import ROOT

_BLOCK = re.compile(  # a fenced block, a directive or plain code, up to the line that closes it
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|:{3,})[ \t]*(?:\{(?P<name>[^}\n]+)\}[ \t]*)?(?P<argument>[^\n`]*)\n"
    r"(?P<body>.*?)^(?P=indent)(?P=fence)[`:]*[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_ROLE = re.compile(r"\{([\w:+.-]+)\}`([^`]+)`")
_WITH_TARGET = re.compile(r"(.*?)\s*<([^<>]+)>", re.DOTALL)
_INSTALL = """\
try:
    import llmbook
except ImportError:
    %pip install --quiet 'llmbook[book] @ {}'"""
_LEFT_OUT = {
    "toctree",
    "tableofcontents",
    "contents",
    "bibliography",
    "raw",
    "index",
    "solution-end",
    "exercise-end",
    "container",
    "book-map",
    "chapters",
}


class _AnyDirective(Directive):
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {"any": True}  # empty would mean that there are none


def export(
    nb: NotebookNode, path: Path, blob_url: str, wheel_url: str, titles: Mapping[str, str]
) -> NotebookNode:
    """Return a copy that reads as plain Markdown and runs outside the book, its outputs kept.

    `blob_url` is where the repository shows its files, `wheel_url` where the library is to be had;
    `titles` maps the labels of sections to headings.
    """
    nb = deepcopy(nb)
    page = f"{blob_url}/{path.relative_to(ROOT).as_posix()}"
    note = f"*From the book LLM From Scratch ([source]({page})). The next cell installs its library.*"
    install = nbformat.v4.new_code_cell(_INSTALL.format(wheel_url))
    nb.cells[:0] = [nbformat.v4.new_markdown_cell(note), install]
    glued = _glued(nb)
    for number, cell in enumerate(nb.cells):
        cell.id = f"cell-{number}"
        if cell.cell_type == "markdown":
            cell.source = _plain(
                cell.source, path, blob_url, lambda role, text: _role(role, text, titles, glued)
            )
        elif {"hide-input", "hide-cell"} & set(cell.metadata.get("tags", [])):
            cell.metadata.jupyter = {"source_hidden": True}
    nb.cells = [cell for cell in nb.cells if cell.source]
    nb.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": nb.metadata.language_info,
        }
    )
    nb.nbformat_minor = 5
    return nb


def _plain(text: str, path: Path, blob_url: str, role: Callable[[str, str], str]) -> str:
    """Replace MyST's directives and roles by Markdown that every notebook program shows."""
    parts, end = [], 0
    for block in _BLOCK.finditer(text):
        parts += [_prose(text[end : block.start()], role), _block(block, path, blob_url, role)]
        end = block.end()
    return "".join([*parts, _prose(text[end:], role)]).strip()


def _block(block: re.Match[str], path: Path, blob_url: str, role: Callable[[str, str], str]) -> str:
    name, argument = block["name"], block["argument"].strip()
    if name is None:
        return block[0]
    parsed = parse_directive_text(_AnyDirective, argument, block["body"], validate_options=False)
    body, label = "\n".join(parsed.body).strip("\n"), parsed.options.get("label", "")
    kind = name.split(":")[-1].removesuffix("-start")
    if kind in _LEFT_OUT:
        return ""
    if kind == "math":
        return _display("\n".join(filter(None, [argument, body])), label)
    if kind == "literalinclude":
        return _source(argument, parsed.options, path, blob_url)
    if kind in ("code", "code-block", "sourcecode"):
        return f"```{argument}\n{body}\n```"
    title = _prose(argument, role) if argument and kind != "solution" else ""
    if kind not in ("admonition", "dropdown"):
        title = ": ".join(filter(None, [kind.capitalize(), title]))
    content = [f"**{title}**", *filter(None, [_plain(body, path, blob_url, role)])]
    return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(content).splitlines())


def _prose(text: str, role: Callable[[str, str], str]) -> str:
    """Replace roles, drop the targets and comments, and show the labels of display mathematics."""
    text = re.sub(r"^\([\w:.-]+\)=\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^%.*\n?", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$(.*?)\$\$[ \t]*\(([\w:.-]+)\)", lambda m: _display(m[1], m[2]), text, flags=re.DOTALL)
    return _ROLE.sub(lambda match: role(match[1], match[2]), text)


def _display(formula: str, label: str) -> str:
    return f"$$\n{formula.strip()}" + (rf" \tag{{{label}}}" if label else "") + "\n$$"


def _source(argument: str, options: dict, path: Path, blob_url: str) -> str:
    """Show the code that a `literalinclude` names, under a link to it."""
    file = (ROOT / argument.lstrip("/") if argument.startswith("/") else path.parent / argument).resolve()
    if "dedent" in options:
        options = {**options, "dedent": int(options["dedent"]) if options["dedent"] else None}
    reader = LiteralIncludeReader(
        str(file), {"lineno-match": "", **options}, SimpleNamespace(source_encoding="utf-8")
    )
    code, n_lines = reader.read()
    name = file.relative_to(ROOT).as_posix()
    first = reader.lineno_start
    link = f"[`{name}`]({blob_url}/{name}#L{first}-L{first + n_lines - 1})"
    return f"{link}\n\n```{options.get('language', 'python')}\n{code.rstrip()}\n```"


def _role(role: str, text: str, titles: Mapping[str, str], glued: Mapping[str, str]) -> str:
    kind = role.split(":")[-1]
    if role.startswith("glue"):
        name, _, spec = text.partition(":")
        return format_plain_text(glued.get(name, name), spec)
    if role == "math":
        return f"${text}$"
    if role == "eq":
        return f"({text})"
    if role.startswith("cite"):
        return f"[{text}]"
    if role == "numref":
        return "the figure"  # a notebook does not number them
    target = _WITH_TARGET.fullmatch(text)
    shown = target[1] if target else titles.get(text, text)
    if role.startswith("py:") or kind in ("func", "class", "mod", "meth", "code"):
        return f"`{shown.rsplit('.', 1)[-1].lstrip('~') if shown.startswith('~') else shown}`"
    return shown


def _glued(nb: NotebookNode) -> dict[str, str]:
    """Collect the values that the chapter's cells glued, as text."""
    return {
        output.metadata.scrapbook.name: output.data.get(
            output.metadata.scrapbook.mime_prefix + "text/plain", ""
        )
        for cell in nb.cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    }
