#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# binaries_are_hardened.sh VFMIG LIBRARY PRELOAD OBJECTS: what is installed was built with what the compiler and the linker
# have against memory errors, read from the ELF files. A program that was built without must fail each of the checks.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# missing FILE OBJECTS: the names of what FILE lacks.
missing() {
	readelf -hldW --dyn-syms "$1" > "$work/elf"
	grep -q 'Type: *DYN' "$work/elf" || echo PIE
	grep -q GNU_RELRO "$work/elf" || echo RELRO
	grep -Eq 'BIND_NOW|FLAGS_1.* NOW' "$work/elf" || echo BIND_NOW
	grep -q 'GNU_STACK .* RW  *0x' "$work/elf" || echo NX
	grep -q __stack_chk_fail "$work/elf" || echo STACK_PROTECTOR
	grep -Eq '__[a-z]+_chk(@|$)' "$work/elf" || echo FORTIFY
	# The start files of some distributions are not marked, and a linked file is only if all of its parts are.
	case $(uname -m) in
	x86_64) readelf -nW "$2" 2> /dev/null | grep -q 'IBT, SHSTK' || echo CET ;;
	esac
}

wrong=0
for file in "$1" "$2" "$3"; do
	lacks=$(missing "$file" "$4" | tr '\n' ' ')
	[ -z "$lacks" ] || { echo "$file was built without: $lacks"; wrong=1; }
done

cat > "$work/weak.c" << 'END'
#include <stdio.h>
int main(int argc, char **argv)
{
	char copy[16];
	snprintf(copy, argc * 8, "%s", argv[0]);
	puts(copy);
	return 0;
}
END
gcc -O2 -U_FORTIFY_SOURCE -fno-stack-protector -fcf-protection=none -fno-pie -c "$work/weak.c" -o "$work/weak.o"
gcc -no-pie -Wl,-z,norelro,-z,lazy,-z,execstack "$work/weak.o" -o "$work/weak" 2> /dev/null
expected="PIE RELRO BIND_NOW NX STACK_PROTECTOR FORTIFY CET "
[ "$(uname -m)" = x86_64 ] || expected=${expected%CET }
lacks=$(missing "$work/weak" "$work/weak.o" | tr '\n' ' ')
[ "$lacks" = "$expected" ] || { echo "a weak program lacks: $lacks"; wrong=1; }
exit $wrong
