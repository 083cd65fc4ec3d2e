"""The table of rules: every derivative of the book, one module a section.

Each comes with inputs to check it on, and with PyTorch's counterpart.
"""
