#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""no_call_pretends_success.py PROGRAM: what `vfmig exec` does not answer fails (vmm_calls.c).

A VMM that saved a device with readv once saved nothing, and was told of success.
"""
import os
import subprocess
import sys

done = subprocess.run([os.environ["VFMIG"], "exec", "--device", "model:copier,size=1M", "--",
                       sys.argv[1]], capture_output=True, text=True, timeout=60, check=False)
if done.returncode or "none pretended" not in done.stdout:
    sys.exit(f"{done}")
