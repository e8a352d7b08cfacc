"""`python -m albert_lab VERB` is `albert-lab VERB`."""

import sys

from albert_lab.cli import main

sys.exit(main())
