"""Our rates beside published ones and targets, what made them change, and how far commissioning has come.

One shape for the command line and the API: dicts of plain values, in which unknown and undefined are None.
"""

from suanli.comparing.benchmarks import benchmarks_answer
from suanli.comparing.change import AskedChange, change_answer
from suanli.comparing.commissioning import funnel_answer
from suanli.comparing.targets import asked_stretch, targets_answer

__all__ = ["AskedChange", "asked_stretch", "benchmarks_answer", "change_answer", "funnel_answer", "targets_answer"]
