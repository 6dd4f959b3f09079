# SPDX-License-Identifier: BSD-3-Clause
"""What the lint checks share: the folders as layers, and what object files hold.

A check takes the root of a tree as its first argument, prints a line for each thing that is wrong,
and fails if there was one. That it can fail is a test of its own: see controls.sh.
"""
import pathlib
import re
import subprocess
import sys

LAYERS = ("abi", "dirty", "device", "protocol", "wire", "model", "source", "filter", "export",
          "engine")


def layer_of(path):
    """The layer of a file or an object: src/abi/x.c, or src_abi_x.c.o as meson calls it."""
    parts = re.split(r"[/_.]", str(path))
    if parts[0] == "src":
        return parts[1] if parts[1] in LAYERS else "open"
    return parts[0]


def sources(root, *folders):
    """Every C file under these folders, as paths relative to the root."""
    root = pathlib.Path(root)
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h"):
                yield path.relative_to(root)


def includes(root, path):
    """(line number, '<' or '"', name) for each #include of a file."""
    text = (pathlib.Path(root) / path).read_text()
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[1], match[2]


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def symbols(*objects):
    """(object's name, kind letter of nm, symbol) for each symbol of archives or object files."""
    for line in run("nm", "-A", "-P", *map(str, objects)).splitlines():
        place, name, kind = line.split()[:3]
        place = place.rstrip(":")
        member = re.search(r"\[(.*)\]$", place)
        yield pathlib.Path(member[1] if member else place).name, kind, name


def public(root):
    """The functions that the public headers declare, by the list that the linker is given."""
    script = pathlib.Path(__file__).resolve().parents[2] / "tools/symbol-map"
    text = run(script, pathlib.Path(root) / "include/vfmig", "/dev/stdout", "/dev/null")
    return set(re.findall(r"^\t(vfmig_\w+);$", text, re.M))


def finish(wrong):
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)
