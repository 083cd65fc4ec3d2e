"""The table of rules: every derivative of the book, with inputs to check it on, one module a section."""
