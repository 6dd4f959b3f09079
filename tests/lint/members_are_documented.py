#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""members_are_documented.py ROOT: the public headers document each member of each structure and enum.

A member is documented by a line "@member:" in the comment above the structure, or by a comment on its own line or
above it. A structure of an existing interface is documented by naming its counterpart in the comment above it
("struct vfio_..." or "enum vfio_..." of <linux/vfio.h>, or "vfio-user"). A line "@member:" without such a member is
wrong as well.
"""
import pathlib
import re
import sys

import tree

TYPE = re.compile(r"(?P<comment>/\*(?:(?!\*/).)*\*/\n)?(?P<kind>struct|enum) (?P<name>vfmig_\w+) \{\n(?P<body>.*?)\n\};",
                  re.S)
COUNTERPART = re.compile(r"\b(struct|enum) vfio_\w+|\bvfio-user\b")


def members(kind, body):
    """(name, whether a comment is on its line or above it) for each member, those of inner structures included."""
    commented, depth, text = False, [], re.sub(r"/\*.*?\*/", lambda m: "/*" + "\n" * m[0].count("\n") + "*/", body,
                                               flags=re.S)
    text = re.sub(r"\(\*(\w+)\)\([^;]*\)", r" \1", text)  # a callback: its name
    for line in re.sub(r",\n\s+(?=[*\w]+[,;])", ", ", text).splitlines():
        code = re.sub(r"/\*|\*/", "", line).strip()
        has = "/*" in line or commented
        if not code:
            commented = has
            continue
        commented = False
        if code.endswith("{"):
            depth.append(code)
            continue
        if code.startswith("}"):
            depth.pop()
            code = code[1:].strip()
            if code in ("", ";"):
                continue
        elif depth and "struct" in depth[-1]:
            continue  # the line of the inner structure's own name documents it
        if kind == "enum":
            for name in re.findall(r"\b([A-Z]\w+)\b(?:\s*=[^,]*)?(?:,|$)", code):
                yield name, has
        else:
            for name in re.findall(r"(\w+)(?:\[[^]]*\])?\s*(?=[,;])", code):
                yield name, has


def check(path, text, wrong):
    for match in TYPE.finditer(text):
        place = f"{path}: {match['kind']} {match['name']}"
        comment = match["comment"] or ""
        listed = re.findall(r"^ \* @(\w+):", comment, re.M)
        found = list(members(match["kind"], match["body"]))
        for name in listed:
            if name not in [member for member, _ in found]:
                wrong.append(f"{place}: @{name} is documented and does not exist")
        if COUNTERPART.search(comment) and not listed:
            continue
        for name, has in found:
            if name not in listed and not has and not name.endswith("_COUNT"):
                wrong.append(f"{place}: {name} is not documented")


def main():
    root, wrong = pathlib.Path(sys.argv[1]), []
    for path in tree.sources(root, "include"):
        check(path, (root / path).read_text(), wrong)
    tree.finish(wrong)


main()
