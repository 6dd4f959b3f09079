#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""calls_go_downward_only.py ROOT [BUILD]: who may call whom, as docs/architecture.md has it.

Twice: by what each file includes, which catches it where it is written, and, given a build folder,
by which object's symbols each object of the library and the command uses, which no declaration by
hand gets around. (The examples are linked to the shared library, which has nothing else to give.)
"""
import pathlib
import sys

import tree

NOUNS = {"device", "abi", "dirty"}
PIPES = NOUNS | {"protocol", "wire"}
MAY_CALL = {
    "abi": set(),
    "dirty": set(),
    "device": {"abi", "dirty"},
    "protocol": NOUNS,
    "wire": NOUNS,
    "model": PIPES,
    "source": PIPES,
    "filter": PIPES,
    "export": PIPES,
    "engine": PIPES,
    "open": set(tree.LAYERS) | {"models"},
}
# These see the public headers and nothing of src/.
OUTSIDERS = ("models", "cli", "examples", "conform")
# And of each other: the command runs the suite, which makes devices work by the examples' drivers.
OUTSIDERS_MAY = {"cli": {"conform"}, "conform": {"examples"}}


def check_includes(root, wrong):
    for path in tree.sources(root, "include", "src", *OUTSIDERS):
        layer = tree.layer_of(path)
        for number, mark, name in tree.includes(root, path):
            place = f"{path}:{number}"
            if mark == "<":
                if name.startswith("vfmig/") and not (root / "include" / name).exists():
                    wrong.append(f"{place}: there is no <{name}>")
                continue
            beside = (root / path.parent / name).exists()
            if ".." in name:
                wrong.append(f'{place}: "{name}" climbs out of its folder: write it from src/')
            elif layer == "include":
                wrong.append(f'{place}: a public header may not need "{name}"')
            elif beside or name.startswith(f"{layer}/"):
                continue
            elif tree.layer_of(name) in OUTSIDERS_MAY.get(layer, ()):
                continue
            elif layer in OUTSIDERS:
                wrong.append(f'{place}: {layer} may use public headers only, not "{name}"')
            elif tree.layer_of(name if name.startswith("models/") else f"src/{name}") \
                    not in MAY_CALL[layer] | {layer}:
                wrong.append(f'{place}: {layer} may not use "{name}"')


def check_symbols(root, objects, wrong):
    used, home = [], {}
    for place, kind, name in tree.symbols(*objects):
        if kind == "U":
            used.append((place, name))
        elif kind.isupper():
            home[name] = tree.layer_of(place)
    declared = tree.public(root)
    for place, name in used:
        layer, other = tree.layer_of(place), home.get(name)
        if other is None or other == layer or other in OUTSIDERS_MAY.get(layer, ()):
            continue
        if layer in OUTSIDERS:
            if name not in declared:
                wrong.append(f"{place}: {layer} uses {name}, which no public header declares")
        elif other not in MAY_CALL[layer]:
            wrong.append(f"{place}: {layer} uses {name} of {other}")


def main():
    root, wrong = pathlib.Path(sys.argv[1]), []
    check_includes(root, wrong)
    if len(sys.argv) > 2:
        build = pathlib.Path(sys.argv[2])
        check_symbols(root, [build / "libvfmig-internal.a", *build.glob("vfmig.p/*.o"),
                            *build.glob("libconform.a.p/*.o")], wrong)
    tree.finish(wrong)


main()
