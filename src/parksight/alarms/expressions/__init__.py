"""A small language over points, for rules: parsed to a tree, checked, compiled to bytecode. Nothing is ever ``eval``-ed."""

from parksight.alarms.expressions.bytecode import Program, compile_tree
from parksight.alarms.expressions.errors import ExpressionError
from parksight.alarms.expressions.parser import parse
from parksight.alarms.expressions.tree import Node, Reference, references

__all__ = ["ExpressionError", "Node", "Program", "Reference", "compile_tree", "parse", "references"]
