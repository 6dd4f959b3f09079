#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# an_installed_library_can_be_used.sh ROOT BUILD: install into an empty folder, as a package would be
# made, then build a program from what is there and pkg-config's word alone, shared and static, and
# run it.
set -eu
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

DESTDIR=$work/root meson install -C "$build" --no-rebuild --quiet < /dev/null
pc=$(find "$work/root" -name vfmig.pc)
[ -n "$pc" ] || { echo "no vfmig.pc was installed"; exit 1; }
libdir=${pc%/pkgconfig/vfmig.pc}
prefix=$(sed -n 's/^prefix=//p' "$pc")
ask() {
	# No other .pc file is to be needed.
	PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=${pc%/*} \
		pkg-config --define-variable=prefix="$work/root$prefix" "$@" vfmig
}

cat > "$work/use.c" << 'END'
#include <stdio.h>
#include <vfmig/version.h>
int main(void)
{
	puts(vfmig_version());
	return 0;
}
END
cd "$work"
# What was installed on this machine earlier must not hide what is missing here.
# shellcheck disable=SC2046
gcc $(ask --cflags) -M use.c | grep -qF "$work/root$prefix/include/vfmig/version.h" ||
	{ echo "vfmig/version.h was not installed"; exit 1; }
for flag in $(ask --cflags); do
	[ "$flag" = "-I$work/root$prefix/include" ] || { echo "a program need not have $flag"; exit 1; }
done
# shellcheck disable=SC2046
gcc -Wall -Werror $(ask --cflags) use.c -o shared $(ask --libs)
# shellcheck disable=SC2046
gcc -Wall -Werror $(ask --static --cflags) use.c -o static -static $(ask --static --libs)

version=$(ask --modversion)
said=$(LD_LIBRARY_PATH=$libdir ./shared)
[ "$said" = "$version" ] || { echo "shared: $said, not $version"; exit 1; }
said=$(./static)
[ "$said" = "$version" ] || { echo "static: $said, not $version"; exit 1; }
readelf -d shared | grep -q 'NEEDED.*libvfmig\.so\.0' || { echo "shared is not"; exit 1; }
! readelf -d static | grep -q NEEDED || { echo "static is not"; exit 1; }

# The man page, where scdoc was there to make it, and the command, where there is one.
if [ -f "$build/docs/man/vfmig.1" ]; then
	find root -path '*/man1/vfmig.1' | grep -q . || { echo "no man page"; exit 1; }
fi
if [ -f "$build/vfmig" ]; then
	"root$prefix/bin/vfmig" --version | grep -qF "$version" || { echo "the command does not say $version"; exit 1; }
fi
