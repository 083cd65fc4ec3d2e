"""What the text of a page holds: cells, prose, exercises, and the minutes that it takes to read."""

import ast
import re

GRADES = {"✎": 5, "★": 15, "★★": 30, "★★★": 60}  # minutes of an exercise; ✎ is one for pencil and paper
WORDS_A_MINUTE, LINES_A_MINUTE = 150, 10
_CELL = re.compile(r"^(`{3,})\{code-cell\}[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(r"(---\n.*?---\n|(?::[^\n]*\n)*)(.*)", re.DOTALL)
_FENCED = re.compile(r"^(`{3,}|:{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_HIDDEN = re.compile(r"(?:hide|remove)-(?:input|cell)")


def label(text: str) -> str | None:
    """Find the label above a page's title, by which others refer to it."""
    found = re.search(r"^\(([\w-]+)\)=\n+# ", text, re.MULTILINE)
    return found and found[1]


def title(text: str) -> str:
    """Find a page's title, as it is written."""
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def cells(text: str) -> list[tuple[str, str]]:
    """List the options and the code of each cell."""
    matches = [_OPTIONS.fullmatch(cell[2]) for cell in _CELL.finditer(text)]
    return [(match[1], match[2].strip("\n")) for match in matches]


def is_shown(options: str) -> bool:
    """Say whether a reader sees a cell's code without unfolding it."""
    return not _HIDDEN.search(options)


def unfenced(text: str) -> str:
    """Leave out everything that stands in a fence: cells, code, directives."""
    return _FENCED.sub("", text)


def headings(text: str) -> list[str]:
    """List the headings of a page's sections, in small letters."""
    return [heading.lower() for heading in re.findall(r"^## (.+)$", unfenced(text), re.MULTILINE)]


def without_code(text: str) -> str:
    """Leave out front matter, cells and shown sources; directives with words in them stay."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    return re.sub(
        r"^(`{3,})\{(?:code-cell|literalinclude)\}.*?^\1\s*$", "", text, flags=re.MULTILINE | re.DOTALL
    )


def before_exercises(text: str) -> str:
    """Return a page up to its exercises."""
    return re.split(r"^## Exercises\b", text, maxsplit=1, flags=re.MULTILINE)[0]


def grades(text: str) -> list[str]:
    """List the grades of a page's exercises."""
    return re.findall(r"^(✎|★{1,3}) ", text, re.MULTILINE)


def minutes(text: str) -> float:
    """Estimate the minutes of reading, up to the exercises: of prose with its formulas, and of code shown."""
    before = before_exercises(text)
    shown = [code for options, code in cells(before) if is_shown(options)]
    lines = [line for code in shown for line in code.splitlines() if line.strip()]
    return len(without_code(before).split()) / WORDS_A_MINUTE + len(lines) / LINES_A_MINUTE


def exercise_minutes(text: str) -> int:
    """Add up the minutes of the exercises."""
    return sum(GRADES[grade] for grade in grades(text))


def keeps_books(code: str) -> bool:
    """Say whether a cell claims something, enters a score or checks a live result, however deep."""
    return any(map(_keeps_books, _statements(code)))


def is_bookkeeping(code: str) -> bool:
    """Say whether a cell does nothing else: imports, and nothing but such calls, of which it has one."""
    imports = (ast.Import, ast.ImportFrom)
    return keeps_books(code) and all(
        isinstance(statement, imports) or (isinstance(statement, ast.Expr) and _keeps_books(statement))
        for statement in _statements(code)
    )


def _statements(code: str) -> list[ast.stmt]:
    """Parse a cell; a line of magic is not a statement."""
    return ast.parse(re.sub(r"^[ \t]*[%!].*$", "", code, flags=re.MULTILINE)).body


def _keeps_books(node: ast.AST) -> bool:
    calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return any(
        (isinstance(f, ast.Name) and f.id in ("claim", "leaderboard_row"))
        or (isinstance(f, ast.Attribute) and f.attr in ("claim", "leaderboard_row", "check"))
        for f in calls
    )
