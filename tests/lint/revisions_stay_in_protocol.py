#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""revisions_stay_in_protocol.py ROOT: nothing outside src/protocol names a revision of the migration protocol.

Sessions differ by vfmig_session_properties(), whatever their revision. src/abi encodes all revisions. Comments may
name revisions; in the command, so may strings, which are the user's words.
"""
import pathlib
import re
import sys

import tree

NAME = re.compile(r"(?:^|_)(?:v1|v2|pfn|precopy_info_v2)(?:_|$)", re.I)
WORD = re.compile(r"\b(?:v1|v2|pfn)\b")
# A comment, a string or character, or an identifier.
TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_]\w*", re.S)

# Names that contain a revision's without depending on it: what, and where.
ALLOWED = (
    # The states and arcs that every session has.
    (r"vfmig_v2_\w+|VFMIG_V2_\w+", r"(src|cli)/.*"),
    # A feature's number, which an export passes on.
    (r"VFMIG_FEATURE_MIG_PRECOPY_INFO_V2", r"src/export/.*"),
    # VFIO_TYPE1_IOMMU, the first kind of container.
    (r"v1", r"src/export/dev-vfio/(priv\.h|type1\.c)"),
    # What a region reports of itself, for the user to read.
    (r"VFMIG_REGION_V1", r"cli/describe\.c"),
)


def allowed(path, name):
    return any(re.fullmatch(what, name) and re.fullmatch(where, str(path)) for what, where in ALLOWED)


def check(root, path, wrong):
    text = (root / path).read_text()
    for match in TOKEN.finditer(text):
        token = match[0]
        if token[0] == "/" or (token[0] in "\"'" and path.parts[0] == "cli"):
            continue
        names = WORD.search(token) if token[0] in "\"'" else NAME.search(token)
        include = re.search(r"#\s*include\s*$", text[text.rfind("\n", 0, match.start()) + 1:match.start()])
        if include:
            names = token.startswith('"protocol/') and NAME.search(token.split("/")[1])
        if names and not allowed(path, token):
            line = text.count("\n", 0, match.start()) + 1
            wrong.append(f"{path}:{line}: {token} names a revision: use a property of the session")


def main():
    root, wrong = pathlib.Path(sys.argv[1]), []
    for path in tree.sources(root, "src", "cli"):
        if tree.layer_of(path) not in ("protocol", "abi"):
            check(root, path, wrong)
    tree.finish(wrong)


main()
