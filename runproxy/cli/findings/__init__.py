"""What commands find in files, in the forms that other tools read."""

from runproxy.cli.findings.finding import Finding, Level
from runproxy.cli.findings.params import steps_of
from runproxy.cli.findings.printing import print_findings
from runproxy.cli.findings.rules import RULES

__all__ = ["RULES", "Finding", "Level", "print_findings", "steps_of"]
