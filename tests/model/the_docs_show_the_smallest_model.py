#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""the_docs_show_the_smallest_model.py ROOT: the first example of writing-a-model.md is the one that is tested."""
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
tested = (root / "tests/model/the_smallest_model_moves.c").read_text()
tested = tested.split("/* begin */\n")[1].split("/* end */")[0].strip()
shown = (root / "docs/models/writing-a-model.md").read_text().split("```c\n")[1].split("```")[0].strip()
if tested != shown:
    sys.exit("docs/models/writing-a-model.md does not show what tests/model/the_smallest_model_moves.c tests")
