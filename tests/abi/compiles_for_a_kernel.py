#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""src/abi compiles as it would in a kernel module, which it will be one day.

tests/lint/abi_is_freestanding.py reads what is there; this compiles it: each file by itself, where
only the compiler's own headers and three functions of <string.h> can be found, without floating
point and vector registers. The object may ask for nothing but those functions and what src/abi itself
defines, and may hold nothing that can be written to. A file that breaks each rule is the control.
"""
import pathlib
import platform
import subprocess
import sys
import tempfile

ALLOWED = {"memcpy", "memset", "memcmp"}
GENERAL_REGS_ONLY = {"x86_64", "aarch64"}
STRING_H = """
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *at, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
"""
CONTROLS = {
    "io": '#include <stdio.h>\nint f(void);\nint f(void) { return puts("x"); }\n',
    "alloc": "void *malloc(unsigned long);\nvoid *f(void);\nvoid *f(void) { return malloc(1); }\n",
    "global": "int f(void);\nint f(void) { static int n; return n++; }\n",
    "double": "double f(double x);\ndouble f(double x) { return x * 2; }\n",
    "errno": "#include <errno.h>\nint f(void);\nint f(void) { return errno; }\n",
}


def compile_and_look(cc, source, root, tmp):
    """What the object of this source defines, lacks and can write to; or why it does not compile."""
    obj = tmp / (source.stem + ".o")
    own = subprocess.run(cc + ["-print-file-name=include"], capture_output=True, text=True,
                         check=True).stdout.strip()
    registers = ["-mgeneral-regs-only"] if platform.machine() in GENERAL_REGS_ONLY else []
    run = subprocess.run(
        cc + registers + ["-std=gnu11", "-O2", "-ffreestanding", "-fno-pic", "-fno-pie", "-fno-stack-protector",
              "-nostdinc", "-isystem", str(tmp / "include"), "-isystem", own,
              "-I", str(root / "include"), "-I", str(root / "src"), "-c", str(source), "-o", str(obj)],
        capture_output=True, text=True)
    if run.returncode:
        return None, run.stderr
    defined, missing, writable = set(), set(), set()
    for line in subprocess.run(["nm", str(obj)], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U":
            missing.add(name)
        elif kind in "dDbBsSgGC":
            writable.add(name)
        else:
            defined.add(name)
    return (defined, missing, writable), ""


def main():
    root = pathlib.Path(sys.argv[1])
    cc = sys.argv[2:]
    # Sanitizers and coverage of the build are not the file's doing.
    cc = [word for word in cc if not word.startswith("-f")]
    faults, everything, wanted = [], set(), {}
    with tempfile.TemporaryDirectory() as name:
        tmp = pathlib.Path(name)
        (tmp / "include").mkdir()
        (tmp / "include" / "string.h").write_text(STRING_H)
        sources = sorted((root / "src" / "abi").glob("*.c"))
        if not sources:
            sys.exit("no sources found")
        for source in sources:
            seen, why = compile_and_look(cc, source, root, tmp)
            if not seen:
                faults.append(f"{source.name} does not compile by itself:\n{why}")
                continue
            defined, missing, writable = seen
            everything |= defined
            wanted[source.name] = missing
            for symbol in sorted(writable):
                faults.append(f"{source.name}: {symbol} can be written to")
        for source, missing in wanted.items():
            for symbol in sorted(missing - ALLOWED - everything):
                faults.append(f"{source} asks for {symbol}")
        for what, text in CONTROLS.items():
            control = tmp / (what + ".c")
            control.write_text(text)
            seen, _ = compile_and_look(cc, control, root, tmp)
            if seen and not seen[1] - ALLOWED and not seen[2]:
                faults.append(f"the control '{what}' was not noticed")
    if faults:
        sys.exit("\n".join(faults))


main()
