# SPDX-License-Identifier: BSD-3-Clause
#
# A thin front to meson and ninja. Each target fetches the packages that it needs first (see
# tools/deps; NODEPS=1 leaves that out).
#
#   make            build into build/; the command is build/vfmig
#   make demo       build, and watch a busy device move (FILE=... to choose what it works on)
#   make check      build and test; FULL=1 adds the tests that boot guests
#   make check-qemu only the tests that boot guests; ALL=1: all of them, long ones too
#   make check-faults  let each allocation and each system call of each command fail; about ten minutes
#   make fuzz       fuzz every decoder for FUZZ_SECONDS each
#   make bench      measure; a table, and build/bench.json
#   make install    PREFIX=/usr/local, DESTDIR= as usual
#   make deps       only fetch the packages, for everything above
#   make clean      remove what was built
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FILE ?=
FULL ?=
ALL ?=
FUZZ_SECONDS ?= 600

.PHONY: all build demo check check-qemu check-asan check-tsan check-clang check-faults fuzz bench install deps clean

all: build

build:
	@tools/deps build
	@tools/build plain $(BUILD)

demo:
	@test -x tools/demo || { echo "tools/demo is not written yet"; exit 1; }
	@tools/deps demo
	@TARGETS="vfmig examples/demo-host" tools/build plain $(BUILD)
	@tools/demo $(BUILD) $(FILE)

check:
	@tools/deps check $(if $(FULL),full)
	@test -z "$(FULL)" || tools/qemu-chroots || echo "The tests with QEMU 10.0 and 11.1 will be skipped"
	@FULL=$(FULL) tools/check plain fuzz

check-qemu:
	@tools/deps check full
	@tools/qemu-chroots
	@tools/build plain $(BUILD)
	@meson test -C $(BUILD) --no-rebuild --logbase qemu --print-errorlogs --suite qemu $(if $(ALL),--suite all) < /dev/null

# The same tests under the sanitizers, and a second opinion on the warnings.
check-asan check-tsan check-clang:
	@tools/deps check
	@tools/check $(@:check-%=%)

check-faults:
	@tools/deps check
	@tools/build plain $(BUILD)
	@meson test -C $(BUILD) --no-rebuild --logbase faults --print-errorlogs --suite sweep < /dev/null

fuzz:
	@tools/deps fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_KEEP=1 tools/check fuzz

bench:
	@tools/deps bench
	@tools/build plain $(BUILD)
	@tools/bench $(BUILD)

install:
	@tools/deps install
	@tools/build plain $(BUILD) -Dprefix=$(PREFIX) -Dman=enabled
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild
	@test -n "$(DESTDIR)" || test "$$(id -u)" != 0 || /sbin/ldconfig

deps:
	@tools/deps build check demo bench install

clean:
	rm -rf $(BUILD) build-asan build-tsan build-clang build-fuzz
