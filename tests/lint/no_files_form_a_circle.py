#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""no_files_form_a_circle.py ROOT LIBRARY: the files of these folders call each other in one direction only.

A circle of files can only be read, changed and tested as a whole. What counts is which object uses a symbol that
another one defines; functions that are passed as pointers (callbacks) are not calls.
"""
import pathlib
import sys

import tree

FOLDERS = ("src_engine_", "src_abi_", "src_dirty_", "src_export_vfio_user_")


def circle(edges):
    """The files that are left when those that call no other file are taken away, again and again."""
    while True:
        leaves = {name for name, uses in edges.items() if not uses & edges.keys()}
        if not leaves:
            break
        for name in leaves:
            del edges[name]
    # The same from the other end: what no file of the rest calls.
    while True:
        used = set().union(*edges.values()) if edges else set()
        roots = edges.keys() - used
        if not roots:
            return sorted(edges)
        for name in roots:
            del edges[name]


def main():
    wrong, home, used = [], {}, []
    for place, kind, name in tree.symbols(sys.argv[2]):
        if not place.startswith(FOLDERS):
            continue
        if kind == "U":
            used.append((place, name))
        elif kind.isupper():
            home[name] = place
    for folder in FOLDERS:
        edges = {place: set() for place in home.values() if place.startswith(folder)}
        for place, name in used:
            other = home.get(name)
            if place in edges and other in edges and other != place:
                edges[place].add(other)
        left = circle(edges)
        if left:
            names = ", ".join(name.removeprefix(folder).removesuffix(".o") for name in left)
            wrong.append(f"{folder.replace('_', '/')}: these files call each other in a circle: {names}")
    tree.finish(wrong)


main()
