#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""sums_from_peers_are_checked.py ROOT: no check of a range can wrap around.

A peer's offset and size may be anything, and so their sum may be small. In the library, where numbers from
peers are everywhere, three forms of plain + and * are refused, since it is these that let such a sum pass:

    a + b > limit               abi_sum(a, b) > limit, or abi_passes_the_end()
    (size + page - 1) / page    abi_pages(size, page)
    end = start + size          end = abi_sum(start, size); or the last byte, start + (size - 1)

src/abi/range.h has these functions; a sum or product that does not fit is the largest number.
"""
import pathlib
import re
import sys

import tree

# Names of what peers send, or of what is made of that.
NAMES = r"(?:iova|addr|address|offset|size|length|pgsize|page_size|data_start|room|memory_at|at)"
FIELD = r"(?:\w+(?:\[\w+\])?(?:->|\.))*" + NAMES
TERM = r"(?:\w+(?:\[[\w ]+\])?(?:->|\.))*\w+"
SUM = rf"(?:{FIELD} [+*] {TERM}|{TERM} [+*] {FIELD})\b(?!\()"
RULES = (
    (rf"(?:[^-+*/<>=]|^)\b{SUM} (?:<|>|<=|>=) ", "is compared, and may have wrapped"),
    (rf" (?:<|>|<=|>=) {SUM}(?! - )", "is compared with, and may have wrapped"),
    (rf"\b{TERM} \+ {TERM} - 1\)", "is rounded up, and may wrap"),
    (rf"\bend = {TERM} [+*] {TERM}\b(?!\()", "is an end, and may wrap to 0"),
)

# What is allowed all the same: "file: text": the reason.
ALLOWED = {
    "src/engine/receive.c: open->length + s->length <=": "two numbers of 32 bits that were held against a limit",
    "src/engine/device_reads.c: end = ABI_SECTION_HEADER_SIZE + bytes": "the size of one buffer of our own",
    "src/engine/holes.c: end = start + at->size": "memory that this process has mapped",
    "src/engine/tracker/faults.c: end = start + k->t->ranges[i].size": "memory that this process has mapped",
    "src/engine/tracker/pagemap.c: end = start + range->size": "memory that this process has mapped",
}


def main():
    root, wrong, used = pathlib.Path(sys.argv[1]), [], set()
    for path in tree.sources(root, "src"):
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            code = re.sub(r"\s+", " ", line.split("/*")[0]).strip()
            if code.startswith("*"):
                continue
            for rule, why in RULES:
                match = re.search(rule, code)
                if not match:
                    continue
                key = f"{path}: {match[0].strip()}"
                used.add(key)
                if key not in ALLOWED:
                    wrong.append(f"{path}:{number}: '{match[0].strip()}' {why}: see src/abi/range.h")
                break
    tree.finish(wrong)


main()
