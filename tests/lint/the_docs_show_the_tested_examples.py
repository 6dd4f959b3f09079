#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""the_docs_show_the_tested_examples.py ROOT: the first C example of a page is the program that is tested."""
import pathlib
import sys

EXAMPLES = {
    "docs/models/writing-a-model.md": "tests/model/the_smallest_model_moves.c",
    "docs/testing.md": "tests/vfio-user/a_register_is_read_over_the_socket.c",
}

root = pathlib.Path(sys.argv[1])
wrong = 0
for page, program in EXAMPLES.items():
    tested = (root / program).read_text().split("/* begin */\n")[1].split("/* end */")[0].strip()
    shown = (root / page).read_text().split("```c\n")[1].split("```")[0].strip()
    if tested != shown:
        print(f"{page} does not show what {program} tests: copy it there")
        wrong = 1
sys.exit(wrong)
