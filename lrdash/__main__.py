"""`python -m lrdash` is the `lrdash` command."""

import sys

from lrdash.cli import main

if __name__ == "__main__":
    sys.exit(main())
