"""`python -m experiments` brings the records up to date; `python -m experiments reseed` tries other seeds."""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: two processes run at once

if sys.argv[1:2] == ["reseed"]:
    from experiments.reseed import main
else:
    from experiments.update import main

sys.exit(main())
