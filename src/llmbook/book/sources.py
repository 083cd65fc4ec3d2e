"""Find the llmbook modules that code depends on: what a page was made with."""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_MAGIC = re.compile(
    r"^([ \t]*)(?:[%!?]|[\w, ]+=\s*[%!]|[\w.]+\?+\s*$).*$", re.MULTILINE
)


def dependencies(code: str) -> dict[str, Path]:
    """Map the modules that code imports, directly or through each other.

    Only those of llmbook, each with its file. Nothing is imported or run. An
    `__init__.py` that only re-exports is followed for the names asked for and
    does not appear itself, so code that uses `llmbook.data.load_names` does
    not depend on the other loaders. IPython magics are ignored, and code that
    is not Python imports nothing.
    """
    found: dict[str, Path] = {}
    todo = list(_imports(code, package=""))
    seen = set()
    while todo:
        target = todo.pop()
        if target in seen:
            continue
        seen.add(target)
        module, name = target
        if name and _file(f"{module}.{name}") and not _reexports(module, name):
            module, name = f"{module}.{name}", ""
        # Importing a.b.c runs a/__init__.py and a/b/__init__.py as well.
        for parent in _parents(module):
            if not _is_hub(parent):
                todo.append((parent, ""))
        file = _file(module)
        if file is None:
            continue
        if _is_hub(module) and (
            not name or (reexports := _reexports(module, name))
        ):
            todo += reexports if name else _module_imports(module)
        else:
            found[module] = file
            todo += _module_imports(module)
    return dict(sorted(found.items()))


def fingerprint(files: Mapping[str, Path]) -> str:
    """Hash the names and contents of files: equal if nothing changed."""
    lines = [f"{name} {digest(file)}\n" for name, file in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def digest(file: Path) -> str:
    """Hash a file; of Python, only what can change a result."""
    content = file.read_bytes()
    if file.suffix == ".py":
        content = code_only(file.read_text("utf-8")).encode()
    return hashlib.sha256(content).hexdigest()


@cache
def parse(code: str) -> ast.Module:
    """Parse a cell without its IPython magics; what is not Python is empty."""
    for text in (code, _MAGIC.sub(r"\1pass", code)):
        try:
            return ast.parse(text)
        except SyntaxError:
            continue
    return ast.Module([], [])


def _file(module: str) -> Path | None:
    """Find the file of an llmbook module or package."""
    base = _PACKAGE.joinpath(*module.split(".")[1:])
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if module.split(".")[0] == "llmbook" and file.is_file():
            return file
    return None


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _imports(code: str, package: str) -> Iterator[tuple[str, str]]:
    """List imports as (module, name); no name means the whole module."""
    for node in ast.walk(parse(code)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield from (
                (base, "" if alias.name == "*" else alias.name)
                for alias in node.names
            )


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Resolve the module of a from-import, which may be relative."""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*base, *filter(None, [node.module])])


def _module_imports(module: str) -> list[tuple[str, str]]:
    file = _file(module)
    if file is None:
        return []
    package = (
        module if file.name == "__init__.py" else module.rpartition(".")[0]
    )
    return list(_imports(file.read_text("utf-8"), package))


def _is_hub(module: str) -> bool:
    """Tell if an `__init__.py` has only text, imports and dunder constants."""
    file = _file(module)
    if file is None or file.name != "__init__.py":
        return False
    return all(map(_is_declaration, parse(file.read_text("utf-8")).body))


def _is_declaration(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()):
            return True
        case ast.Assign([ast.Name(name)]):
            return name.startswith("__")
    return False


def _reexports(module: str, name: str) -> list[tuple[str, str]]:
    """Find the import by which a hub binds `name`."""
    file = _file(module)
    if file is None or not _is_hub(module):
        return []
    return [
        (_absolute(node, module), alias.name)
        for node in parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (alias.asname or alias.name) == name
    ]


def code_only(source: str) -> str:
    """Drop what cannot change a result: comments, docstrings, blank lines.

    Works on the text itself, so that every Python version keeps the same lines.
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            assert docstring.end_lineno is not None  # ast.parse gives it
            for row in range(docstring.lineno, docstring.end_lineno + 1):
                lines[row - 1] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())
