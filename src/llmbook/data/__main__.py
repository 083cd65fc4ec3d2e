"""Command line of the data.

`python -m llmbook.data` lists the archives, `… fetch [name ...]` gets them.
"""

import argparse
import sys

from llmbook.data.archives import DataError, cache_folder, fetch, is_cached
from llmbook.data.pins import ARCHIVES


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The code is 0, or 1 where an archive could not be had.
    """
    parser = argparse.ArgumentParser(
        prog="python -m llmbook.data",
        description=(
            "List the archives of the book, or fetch them into the cache."
        ),
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser(
        "list",
        help=(
            "list the archives, which of them are there, "
            "sizes and licenses (default)"
        ),
    )
    fetching = commands.add_parser(
        "fetch", help="fetch archives into the cache"
    )
    fetching.add_argument(
        "names", nargs="*", metavar="name", help="which archives (default: all)"
    )
    options = parser.parse_args(arguments)

    if options.command != "fetch":
        _list()
        return 0
    if unknown := [name for name in options.names if name not in ARCHIVES]:
        parser.error(
            f"no archive is called {', '.join(unknown)}; "
            f"the archives are {', '.join(ARCHIVES)}"
        )
    failures = 0
    for name in options.names or ARCHIVES:
        try:
            print(f"{name}: {fetch(name)}")
        except DataError as error:
            print(error, file=sys.stderr)
            failures += 1
    return 1 if failures else 0


def _list() -> None:
    missing = 0
    for archive in ARCHIVES.values():
        there = is_cached(archive)
        missing += 0 if there else archive.size
        state = "there" if there else "missing"
        size = f"{archive.size / 1e6:.1f} MB"
        print(
            f"{archive.name:<15}  {state:<7}  {size:>7}  "
            f"{archive.license:<29}  {archive.what}"
        )
    print(f"\nCache: {cache_folder()}")
    if missing:
        print(
            f"Missing: {missing / 1e6:.1f} MB; "
            "get them with: python -m llmbook.data fetch [name ...]"
        )


if __name__ == "__main__":
    sys.exit(main())
