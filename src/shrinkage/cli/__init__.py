"""The command line: words -> one call each. Nothing heavy is imported before a command has parsed its words."""

from shrinkage.cli.main import main

__all__ = ["main"]
