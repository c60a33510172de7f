"""Files and data frames -> named columns -> a design matrix that a stored model can rebuild."""

from shrinkage.tables.encoding import Coded, Encoding, Matrix
from shrinkage.tables.read import read_table
from shrinkage.tables.table import Column, Table, closest
from shrinkage.tables.target import Target

__all__ = ["Coded", "Column", "Encoding", "Matrix", "Table", "Target", "closest", "read_table"]
