"""Everything that can be known to go wrong, found before anything is submitted."""

from lrdash.control.preflight.findings import Finding
from lrdash.control.preflight.run import preflight, raise_errors

__all__ = ["Finding", "preflight", "raise_errors"]
