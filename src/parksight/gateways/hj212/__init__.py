"""HJ 212 (2005, 2017, 2025): data loggers of stacks, outfalls and stations dial us and upload."""

from parksight.gateways.hj212.config import Hj212Config, Hj212Policy, normal_mn
from parksight.gateways.hj212.mapping import propose
from parksight.gateways.spec import ProtocolSpec

SPEC = ProtocolSpec("hj212", Hj212Config, Hj212Policy, normal_mn, propose)

__all__ = ["SPEC"]
