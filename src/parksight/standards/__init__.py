"""Floor 0: Chinese and international standards as pure functions and dated rule packs, one module per standard.

Imports nothing else of ours, does no I/O but reading its own data files, holds no clock: the day whose rules apply is
always an argument. Values come from :mod:`parksight.standards.rulepack`; what no pack holds raises.
"""
