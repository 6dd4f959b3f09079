#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""the_docs_show_a_mediator.py ROOT VFMIG EXAMPLE CC...: the mediator of docs/mediators.md compiles alone and does what is
said, and the example moves a device by the command that is shown."""
import pathlib
import subprocess
import sys
import tempfile

root, vfmig, example, cc = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
text = (root / "docs/mediators.md").read_text()


def run(*command, code=0):
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ran.returncode != code:
        sys.exit(f"{command}: {ran.returncode}\n{ran.stdout}")
    return ran.stdout


with tempfile.TemporaryDirectory() as folder:
    source, made = pathlib.Path(folder) / "hide.c", pathlib.Path(folder) / "hide.so"
    source.write_text(text.split("```c\n")[1].split("```")[0])
    run(*cc, "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(made), str(source), f"-I{root}/include")
    told = run(vfmig, "info", "model:copier,migration=off", "--filter", f"mediate,so={made}")
    if "mediate(model:copier" not in told:
        sys.exit(told)
run(vfmig, "migrate", "model:copier,migration=off", "model:copier,migration=off", "--memory", "16M",
    "--filter", f"mediate,so={example}", "--to-filter", f"mediate,so={example}")
# The control: without a mediator it does not.
run(vfmig, "migrate", "model:copier,migration=off", "model:copier,migration=off", "--memory", "16M", code=1)
