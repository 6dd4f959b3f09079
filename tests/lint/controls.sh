#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# controls.sh CHECK: that a check can fail. On a small made-up tree that keeps the rule it must pass;
# then the tree breaks the rule, one way at a time, and each time it must fail, with a line that names
# what was done. A check that cannot fail holds nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
check=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
spdx='/* SPDX-License-Identifier: BSD-3-Clause */'
wrong=0

# The made-up tree, anew for each try.
plant() {
	rm -rf "$work/tree" "$work/build"
	mkdir -p "$work/tree" "$work/build"
	cd "$work/tree"
	mkdir -p include/vfmig src/abi src/dirty src/device src/wire src/engine src/filter models/m cli
	file include/vfmig/a.h '#include <stdint.h>' 'int vfmig_a(uint32_t x);'
	file src/abi/code.h '#include <stdint.h>' 'int vfmig_code(uint32_t x);'
	file src/abi/code.c '#include "abi/code.h"' '' 'int vfmig_code(uint32_t x)' '{' \
		'	return (int)x;' '}'
	file src/device/a.c '#include <vfmig/a.h>' '' '#include "abi/code.h"' '' \
		'int vfmig_a(uint32_t x)' '{' '	return vfmig_code(x);' '}'
	file src/device/inside.h 'int vfmig_inside(void);'
	file src/filter/f.h 'int vfmig_f(void);'
	file src/filter/f.c '#include "filter/f.h"' '' 'int vfmig_f(void)' '{' '	return 1;' '}'
	file models/m/m.c '#include <vfmig/a.h>' '#include "m.h"' '' 'int vfmig_m(void)' '{' \
		'	return vfmig_a(1);' '}'
	file models/m/m.h 'int vfmig_m(void);'
	file cli/c.c '#include <vfmig/a.h>' '#include "cli/c.h"' '' 'int main(void)' '{' \
		'	return vfmig_a(1);' '}'
	file cli/c.h '#include <stdio.h>'
	cp "$here/../../.clang-format" .
}

# file PATH LINE...: a C file of these lines.
file() {
	path=$1
	shift
	printf '%s\n' "$spdx" "$@" > "$path"
}

more() {
	path=$1
	shift
	printf '%s\n' "$@" >> "$path"
}

# What a build of the tree leaves: objects with the names that meson gives them.
compile() {
	for source in src/*/*.c models/*/*.c cli/*.c; do
		object=$(echo "$source" | tr / _).o
		mkdir -p "$work/build/vfmig.p"
		case $source in cli/*) object=vfmig.p/$object ;; esac
		gcc -w -fPIC -Iinclude -Isrc -I. -c "$source" -o "$work/build/$object"
	done
	(cd "$work/build" && rm -f ./*.a && ar rcs libvfmig-internal.a ./*.o)
	# What the loader resolves is not at issue here, only what is shown.
	"$here/../../tools/symbol-map" include/vfmig "$work/build/map" /dev/null
	map=${map:-$work/build/map}
	gcc -shared -o "$work/build/libvfmig.so" "$work"/build/*.o -Wl,--version-script="$map"
	"$here/../../tools/public-archive" "$work/build/libvfmig-internal.a" "${archive_map:-$map}" "$work/build/libvfmig.a" \
		ld objcopy ar
}

ask() {
	case $check in
	calls_go_downward_only.py) compile && set -- "$work/build" ;;
	abi_is_freestanding.py | the_library_does_not_print_or_exit.py | no_files_form_a_circle.py) compile && set -- "$work/build/libvfmig-internal.a" ;;
	the_abi_is_compatible.sh) library && set -- libb.so ;;
	exports_are_what_the_headers_declare.sh) compile && set -- "$work/build/libvfmig.so" "$work/build/libvfmig.a" ;;
	an_installed_library_can_be_used.sh) package && set -- "$work/build" ;;
	esac
	env CI= "$here/$check" "$work/tree" "$@" > "$work/said" 2>&1
}

# passes: on the tree as it is.
passes() {
	if ! ask; then
		echo "$check fails on a good tree:"
		cat "$work/said"
		wrong=1
	fi
}

# fails WORDS: on the tree as it is, with these words; the next try starts from a good tree.
fails() {
	status=0
	ask || status=$?
	if [ "$status" != 1 ] || ! grep -qF -- "$1" "$work/said"; then
		echo "$check must fail with \"$1\"; status $status, and it said:"
		cat "$work/said"
		wrong=1
	fi
	plant
}

plant
case $check in
calls_go_downward_only.py)
	passes
	more src/abi/code.c '#include "device/inside.h"'
	fails 'src/abi/code.c:8: abi may not use "device/inside.h"'
	more src/device/a.c '#include "filter/f.h"'
	fails 'device may not use "filter/f.h"'
	more src/filter/f.c '#include "../device/inside.h"'
	fails 'climbs out'
	file src/engine/e.c '#include "filter/f.h"'
	fails 'engine may not use "filter/f.h"'
	more models/m/m.c '#include "device/inside.h"'
	fails 'models may use public headers only'
	more cli/c.c '#include "abi/code.h"'
	fails 'cli may use public headers only'
	mkdir -p conform
	file conform/s.h '#include <vfmig/a.h>'
	more cli/c.c '#include "conform/s.h"'
	passes
	file conform/s.c '#include "abi/code.h"'
	fails 'conform may use public headers only'
	mkdir -p conform
	file conform/s.h '#include <vfmig/a.h>'
	more models/m/m.c '#include "conform/s.h"'
	fails 'models may use public headers only'
	more include/vfmig/a.h '#include "abi/code.h"'
	fails 'a public header may not need'
	# The same without an #include, seen in the objects.
	file src/dirty/d.c 'int vfmig_a(unsigned int x);' 'int vfmig_d(void)' '{' '	return vfmig_a(1);' '}'
	fails 'src_dirty_d.c.o: dirty uses vfmig_a of device'
	file src/wire/w.c 'int vfmig_f(void);' 'int vfmig_w(void)' '{' '	return vfmig_f();' '}'
	fails 'wire uses vfmig_f of filter'
	more models/m/m.c 'int vfmig_code(uint32_t x);' 'int (*const vfmig_m_code)(uint32_t) = vfmig_code;'
	fails 'models uses vfmig_code, which no public header declares'
	more cli/c.c 'int vfmig_f(void);' 'int (*const vfmig_c_f)(void) = vfmig_f;'
	fails 'cli uses vfmig_f, which no public header declares'
	;;
abi_is_freestanding.py)
	passes
	more src/abi/code.c '#include <errno.h>'
	fails '<errno.h> is not freestanding'
	more include/vfmig/a.h '#include <stdlib.h>'
	more src/abi/code.h '#include <vfmig/a.h>'
	fails 'include/vfmig/a.h:4: <stdlib.h> is not freestanding'
	more src/abi/code.c 'void *malloc(unsigned long);' 'void *vfmig_get(void)' '{' '	return malloc(1);' '}'
	fails 'abi calls malloc'
	;;
sums_from_peers_are_checked.py)
	passes
	bad() {
		more src/device/a.c "int vfmig_check(struct range *r, uint64_t n, uint64_t page)" '{' "	$1" '}'
		fails "$2"
	}
	bad 'return r->iova + n > page;' "'r->iova + n >' is compared"
	bad 'return n < r->offset + r->size;' "'< r->offset + r->size' is compared with"
	bad 'return page >= r->size * n;' "'>= r->size * n' is compared with"
	bad 'return (n + page - 1) / page;' 'is rounded up'
	bad 'uint64_t end = r->iova + r->length;' 'is an end'
	more src/device/a.c '/* iova + size > limit */' 'int good(uint64_t iova, uint64_t size)' '{' \
		'	return iova + (size - 1);' '}'
	passes
	;;
no_files_form_a_circle.py)
	file src/engine/a.c 'int engine_b(void);' 'int engine_a(void)' '{' '	return engine_b();' '}'
	file src/engine/b.c 'int engine_b(void)' '{' '	return 1;' '}'
	passes
	file src/engine/a.c 'int engine_b(void);' 'int engine_a(void)' '{' '	return engine_b();' '}'
	file src/engine/b.c 'int engine_c(void);' 'int engine_b(void)' '{' '	return engine_c();' '}'
	file src/engine/c.c 'int engine_a(void);' 'int engine_c(void)' '{' '	return engine_a();' '}'
	file src/engine/d.c 'int engine_a(void);' 'int engine_d(void)' '{' '	return engine_a();' '}'
	fails 'src/engine/: these files call each other in a circle: a.c, b.c, c.c'
	;;
revisions_stay_in_protocol.py)
	passes
	more src/device/a.c 'bool vfmig_wrong(struct session *s)' '{' '	return s->v1.parked;' '}'
	fails 'src/device/a.c:12: v1 names a revision'
	more src/filter/f.c 'int PFN_pages;'
	fails 'src/filter/f.c:8: PFN_pages names a revision'
	more src/engine/e.c 'const char *newest = "use v2 for it";'
	fails '"use v2 for it" names a revision'
	more src/filter/f.c '#include "protocol/v2/v2.h"'
	fails '"protocol/v2/v2.h" names a revision'
	more cli/c.c 'int region_is_pfn;'
	fails 'cli/c.c:9: region_is_pfn names a revision'
	# Comments, the user's words in the command, the states of every session, and the adapters themselves.
	mkdir -p src/protocol
	more src/device/a.c '/* as v1 does */' 'int vfmig_v2_path(void);' 'int ipv2;'
	more cli/c.c 'const char *newest = "v2";'
	file src/protocol/v1.c 'int v1_user_open;'
	passes
	;;
messages_are_reviewed.sh)
	list() {
		mkdir -p tests/lint
		more src/filter/f.c 'const char *vfmig_f_text = "no memory for " "%u bytes";'
		"$here/../../tools/messages" . > tests/lint/messages.txt
	}
	list
	passes
	list
	more src/filter/f.c 'const char *vfmig_f_more = "no page %llu";'
	fails '+	no page %llu'
	list
	sed -i 's/for "/of "/' src/filter/f.c
	fails '-	no memory for %u bytes'
	# Code that moves, names and numbers are not texts.
	list
	file src/device/a.c '' '/* "a comment" */' 'const char *vfmig_a_name = "name", *vfmig_n = "%u %u";'
	passes
	;;
the_docs_show_the_tested_examples.py)
	examples() {
		mkdir -p docs/models tests/model tests/vfio-user
		printf '/* begin */\nint a;\n/* end */\n' > tests/model/the_smallest_model_moves.c
		cp tests/model/the_smallest_model_moves.c tests/vfio-user/a_register_is_read_over_the_socket.c
		printf '```c\nint a;\n```\n' > docs/testing.md
		cp docs/testing.md docs/models/writing-a-model.md
	}
	examples
	passes
	sed -i 's/int a/int b/' docs/testing.md
	fails 'docs/testing.md does not show'
	examples
	sed -i 's/int a/int b/' tests/model/the_smallest_model_moves.c
	fails 'docs/models/writing-a-model.md does not show'
	;;
the_library_does_not_print_or_exit.py)
	passes
	more src/device/a.c '#include <stdio.h>' 'void vfmig_say(void)' '{' '	printf("%d", 1);' '}'
	fails 'src_device_a.c.o: printf prints'
	more src/device/a.c '#include <stdlib.h>' 'void vfmig_end(void)' '{' '	abort();' '}'
	fails 'abort ends the program'
	more src/device/a.c '#include <assert.h>' 'void vfmig_end(int x)' '{' '	assert(x);' '}'
	fails '__assert_fail ends the program'
	more src/device/a.c '#include <signal.h>' 'void vfmig_end(void)' '{' '	raise(SIGHUP);' '}'
	fails 'raise touches signals'
	more src/device/a.c 'int vfmig_count(void)' '{' '	static int count;' '	return count++;' '}'
	fails 'is a global that can change'
	more src/device/a.c 'int vfmig_level = 3;'
	fails 'vfmig_level is a global that can change'
	more models/m/m.c 'static __attribute__((constructor)) void early(void)' '{' '}'
	fails 'a constructor or destructor'
	# Tables of pointers are no globals that change, though the loader fills them in.
	more src/device/a.c 'static int (*const table[])(uint32_t) = { vfmig_a };' \
		'int vfmig_t(int i)' '{' '	return table[i](1);' '}'
	passes
	;;
public_headers_stand_alone.sh)
	passes
	file include/vfmig/b.h 'size_t vfmig_b(void);'
	fails 'include/vfmig/b.h: not by itself: gcc'
	file include/vfmig/b.h '#ifndef __cplusplus' 'int vfmig_b(void);' '#else' 'int class;' '#endif'
	fails 'include/vfmig/b.h: not by itself: g++'
	file include/vfmig/b.h 'struct vfmig_b {' '	int b;' '};'
	fails 'include/vfmig/b.h: not by itself: gcc'
	;;
the_abi_is_compatible.sh)
	command -v abidiff > /dev/null || { echo "skipped: abidiff is not installed (abigail-tools)"; exit 77; }
	# A released library, and what a later one may and may not change.
	version=1 b_first= p_last= m_last= words=ONE added=
	library() {
		file include/vfmig/version.h "#define VFMIG_VERSION_MAJOR $version"
		file include/vfmig/b.h '#include <stdint.h>' "struct vfmig_plain { int x; $p_last };" \
			"struct vfmig_mediator { uint32_t abi, size; $b_first int x; $m_last };" "enum vfmig_word { $words };" \
			'int vfmig_b(struct vfmig_plain *p, struct vfmig_mediator *m, enum vfmig_word w);' \
			"${added:+int vfmig_added(void);}"
		file b.c '#include <vfmig/b.h>' 'int vfmig_b(struct vfmig_plain *p, struct vfmig_mediator *m, enum vfmig_word w)' \
			'{' '	return p->x + m->x + (int)w;' '}' "${added:+int vfmig_added(void) { return 1; \}}"
		gcc -g -shared -fPIC -Iinclude b.c -o libb.so
		mkdir -p tests/lint/abi
		[ ! -f "$work/vfmig.abi" ] || cp "$work/vfmig.abi" tests/lint/abi
	}
	version=0
	passes
	version=1
	fails 'version 1 has no baseline'
	library
	"$here/../../tools/abi-baseline" . libb.so > "$work/vfmig.abi"
	passes
	added=yes words='ONE, TWO' m_last='long y;'
	passes
	added= words=ONE m_last=
	b_first='long y;'
	fails 'data member insertion'
	b_first= p_last='long y;'
	fails 'data member insertion'
	p_last= words='ZERO, ONE'
	fails '1 enumerator change'
	;;
members_are_documented.py)
	# Structures and enums, each with one member that is not documented.
	passes
	file include/vfmig/b.h '/**' ' * struct vfmig_b - a structure' ' * @x: a member' ' */' 'struct vfmig_b {' '	int x;' \
		'	uint64_t y;' '};'
	fails 'struct vfmig_b: y is not documented'
	file include/vfmig/b.h '/**' ' * struct vfmig_b - a structure' ' * @x: a member' ' * @z: gone' ' */' \
		'struct vfmig_b {' '	int x;' '};'
	fails 'struct vfmig_b: @z is documented and does not exist'
	file include/vfmig/b.h 'struct vfmig_b {' '	int x; /* a member */' '	int (*call)(void *self, int y);' '};'
	fails 'struct vfmig_b: call is not documented'
	file include/vfmig/b.h '/* Words. */' 'enum vfmig_b {' '	VFMIG_B_ONE, /* the first */' '	VFMIG_B_TWO = 2,' '};'
	fails 'enum vfmig_b: VFMIG_B_TWO is not documented'
	file include/vfmig/b.h '/* struct vfio_b of the uAPI. */' 'struct vfmig_b {' '	int x;' '};' \
		'enum vfmig_c {' '	/* above */' '	VFMIG_C_ONE,' '	VFMIG_C_COUNT,' '};'
	passes
	;;
every_file_names_its_licence.sh)
	printf '# SPDX-License-Identifier: BSD-3-Clause\n' > Makefile
	echo hello > README.md
	passes
	echo 'int x;' > src/device/b.c
	fails 'src/device/b.c: the first line is not'
	printf '\n%s\n' "$spdx" > src/device/b.c
	fails 'src/device/b.c: the first line is not'
	echo 'all:' > Makefile
	fails 'Makefile: no SPDX line'
	;;
files_are_small.sh)
	mkdir -p tests/lint
	passes
	mkdir -p tests/lint
	yes '' | head -n 501 >> src/device/a.c
	fails 'src/device/a.c: 510 lines'
	mkdir -p tests/lint
	echo 'src/device/a.c: it is not long at all' > tests/lint/long_files.txt
	fails 'src/device/a.c is short now'
	mkdir -p tests/lint
	echo 'src/device/b.c: it never was' > tests/lint/long_files.txt
	fails 'src/device/b.c is gone'
	mkdir -p tests/lint
	yes '' | head -n 501 >> src/device/a.c
	echo 'src/device/a.c: a table' > tests/lint/long_files.txt
	passes
	;;
links_lead_somewhere.sh)
	mkdir -p docs
	echo 'See [the folder](../src/abi/), [a](a.md#part), [here](#part), [there](https://x.org/y.md).' > docs/a.md
	passes
	mkdir -p docs
	printf 'See\n[a](../docs/a.md), and [b](../b.md#x).\n' > docs/a.md
	fails 'docs/a.md:2: there is no ../b.md'
	;;
clang_format_holds.sh)
	if env CI= "$here/$check" "$work/tree" > "$work/said"; [ $? = 77 ]; then
		cat "$work/said"
		exit 77
	fi
	passes
	more src/device/a.c 'int  vfmig_wide( void );'
	fails 'src/device/a.c:10'
	;;
rules_have_their_tests.py)
	# A rule with a check, one with a test, and one with neither; and what can get out of step.
	rules() {
		mkdir -p docs conform tests/a
		printf '| %s | 1:2 | %s | so | %s |\n' V2-01 'a rule' '`vfmig check`' \
			V2-02 'another' '[t](../tests/a/t.c)' PWR-01 'a third' 'not built yet' > docs/rules.md
		file conform/c.c 'struct check checks[] = {' '	{"V2-01", "a rule", A | B, false, run},' '};'
		file tests/a/t.c '/* Rules: V2-02. */'
	}
	rules
	passes
	rules
	printf '| V2-01 | 1:2 | a rule | so | none: why |\n' >> docs/rules.md
	fails 'V2-01 is there twice'
	rules
	printf '| V2-03 | 1:2 | a rule | so | `vfmig check` |\n' >> docs/rules.md
	fails 'V2-03 claims a check, and there is none'
	rules
	more conform/c.c 'struct check more[] = {{"PWR-01", "a rule", 0, true, run}};'
	fails 'PWR-01 has a check, and does not say so'
	rules
	sed -i 's/false/true/' conform/c.c
	fails "V2-01 is 'should' here or in the suite"
	rules
	file tests/a/t.c '/* No rules. */'
	fails 'V2-02 and tests/a/t.c: only one of them'
	rules
	file tests/a/u.c '/* Rules: V2-02. */'
	fails 'V2-02 and tests/a/u.c: only one of them'
	rules
	file tests/a/u.c '/* Nothing. */' '/* V2-77 */'
	fails 'tests/a/u.c: V2-77 has no row'
	rules
	printf '| V2-03 | 1:2 | a rule | so | somehow |\n' >> docs/rules.md
	fails 'V2-03 does not say what proves it'
	rules
	printf '| V2-03 | 1:2 | a rule | so |\n' >> docs/rules.md
	fails 'V2-03 must have five cells'
	;;
exports_are_what_the_headers_declare.sh)
	passes
	more include/vfmig/a.h 'int vfmig_unwritten(void);'
	fails 'libvfmig.so: vfmig_unwritten is declared in a public header and not exported'
	all='VFMIG_0.1 {\nglobal:\n\tvfmig_a;\nlocal:\n\t*;\n};\n'
	map=$work/map archive_map=$work/archive_map
	printf "$all" > "$archive_map"
	printf 'VFMIG_0.1 {\nglobal:\n\tvfmig_a;\n\tvfmig_code;\nlocal:\n\t*;\n};\n' > "$map"
	fails 'libvfmig.so: vfmig_code@@VFMIG is exported and no public header declares it so'
	printf 'VFMIG_0.1 {\nglobal:\n\tvfmig_c*;\nlocal:\n\t*;\n};\n' > "$map"
	fails 'libvfmig.so: vfmig_a is declared in a public header and not exported'
	printf '{\nglobal:\n\tvfmig_a;\nlocal:\n\t*;\n};\n' > "$map"
	fails 'libvfmig.so: vfmig_a is exported and no public header declares it so'
	printf "$all" > "$map"
	passes
	printf 'global:\n\tvfmig_a;\n\tvfmig_code;\n' > "$archive_map"
	fails 'libvfmig.a: vfmig_code@@VFMIG is exported and no public header declares it so'
	printf 'global:\n\tvfmig_code;\n' > "$archive_map"
	fails 'libvfmig.a: vfmig_a is declared in a public header and not exported'
	;;
an_installed_library_can_be_used.sh)
	# A package of one function, and what can be forgotten.
	package() {
		file include/vfmig/version.h 'const char *vfmig_version(void);'
		file src/version.c '#include <vfmig/version.h>' 'const char *vfmig_version(void)' '{' \
			"	return \"${version:-1.0}\";" '}'
		cat > meson.build <<-END
			project('vfmig', 'c', version: '1.0')
			lib = both_libraries('vfmig', 'src/version.c', version: '0.1', soversion: '0',
			  include_directories: include_directories('include'), install: true)
			${headers-install_subdir('include/vfmig', install_dir: get_option('includedir'))}
			${pc-import('pkgconfig').generate(lib.get_shared_lib())}
		END
		rm -rf "$work/build"
		meson setup "$work/build" > "$work/said" && ninja -C "$work/build" >> "$work/said"
	}
	passes
	headers=
	fails 'vfmig/version.h was not installed'
	unset headers
	pc=
	fails 'no vfmig.pc was installed'
	pc="import('pkgconfig').generate(lib.get_shared_lib(), requires_private: 'zlib')"
	fails 'zlib'
	pc="import('pkgconfig').generate(lib.get_shared_lib(), extra_cflags: '-I/opt/include')"
	fails 'a program need not have -I/opt/include'
	unset pc
	version=2.0
	fails 'shared: 2.0, not 1.0'
	;;
*)
	echo "no control is written for $check"
	exit 1
	;;
esac
exit $wrong
