"""The claims ledger: statements that everybody repeats, held against the user's own records.

from harness.analysis.claims import ledger
for row in ledger(study): print(row.claim.statement, row.verdict.verdict, row.verdict.evidence)
"""

from harness.analysis.claims.claim import Claim, Only
from harness.analysis.claims.files import read, shipped, with_own
from harness.analysis.claims.ledger import Judged, Ledger, across, ledger
from harness.analysis.claims.verdict import CONTRADICTED, SUPPORTED, UNDECIDED, Verdict

__all__ = [
    "CONTRADICTED",
    "SUPPORTED",
    "UNDECIDED",
    "Claim",
    "Judged",
    "Ledger",
    "Only",
    "Verdict",
    "across",
    "ledger",
    "read",
    "shipped",
    "with_own",
]
