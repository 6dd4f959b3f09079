#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# missing_packages_are_named.sh ROOT: where apt may not be used, tools/deps names what is missing, and
# only that, with the command that gets it, and fails; where nothing is missing it says nothing. The
# machine is made up: a dpkg-query and an id in front of the path, and no sudo on it.
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#!/bin/sh\necho 1000\n' > "$work/id"
printf '#!/bin/sh\nfor p; do :; done\ngrep -qx "$p" "%s" && echo installed\n' "$work/has" > "$work/dpkg-query"
chmod +x "$work/id" "$work/dpkg-query"
for tool in sh grep env; do
	ln -s "$(command -v $tool)" "$work/$tool"
done
deps() {
	env -u NODEPS PATH="$work" "$root/tools/deps" "$@" > "$work/said" 2>&1 < /dev/null
}

printf '%s\n' gcc libc6-dev pkg-config ninja-build > "$work/has"
if deps build; then
	echo "it did not fail"
	exit 1
fi
cat > "$work/expected" << 'END'
Missing packages: meson libxxhash-dev
I may not install them here. As root, run:
  apt-get update && apt-get install --no-install-recommends meson libxxhash-dev
END
diff "$work/expected" "$work/said"

printf '%s\n' meson libxxhash-dev >> "$work/has"
deps build || { echo "it failed with nothing missing:"; cat "$work/said"; exit 1; }
[ ! -s "$work/said" ] || { echo "it had something to say:"; cat "$work/said"; exit 1; }
