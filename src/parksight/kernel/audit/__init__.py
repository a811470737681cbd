"""The audit chain: who changed what, when and why, in a history nobody can rewrite unseen.

Every use case that changes state calls :func:`record` in its own unit of work::

    audit.record(session, caller, action="registry.enterprise.update", subject=("enterprise", 7),
                 before={"name": "a"}, after={"name": "b"})
"""

from parksight.kernel.audit.chain import GENESIS, ChainReport, canonical, link, verify_export
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.audit.service import export, head, record, verify

__all__ = [
    "GENESIS",
    "AuditEntry",
    "ChainReport",
    "canonical",
    "export",
    "head",
    "link",
    "record",
    "verify",
    "verify_export",
]
