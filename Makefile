# Targets: run test check build build-386 bench torture fuzz fuzz-ci man install
# install-config uninstall deb test-package clean. CI calls check test fuzz-ci.
PREFIX   ?= /usr/local
OUT386   ?= bin/386
CFLAGS   ?= -O2 -Wall -fstack-protector-strong
FUZZTIME ?= 10s
QGUARD_SOCKET ?= /run/qguard/clamd.sock
STATIC   := qguard-scan qguard-queue qguardd qguard-policyd qguard-relay qguard
GO_BUILD := go build -trimpath -ldflags '-s -w'
PAGES    := $(wildcard man/*.[58])

.PHONY: run build build-386 test check setup bench torture fuzz fuzz-ci man install install-config uninstall deb test-package clean

# Judge the sample queue: a clean mail, a program, one in a ZIP, a leaked login.
run: $(STATIC:%=bin/%)
	bin/qguard-scan -c scan/testdata/qguard.toml scan/testdata/queue/mess; test $$? -eq 1

# qguard-pam, which needs libpam's headers, and qguard.so need a C compiler too.
build: $(STATIC:%=bin/%)
	@if command -v gcc >/dev/null && test -e /usr/include/security/pam_appl.h; \
	then CGO_ENABLED=1 $(GO_BUILD) -buildmode=pie -o bin/qguard-pam ./cmd/qguard-pam; \
	else echo 'qguard-pam not built: it needs gcc and libpam0g-dev'; fi
	@if command -v gcc >/dev/null && test -e cmd/qguard-plugin/plugin.c; \
	then gcc $(CFLAGS) -fPIC -shared -DQGUARD_SOCKET='"$(QGUARD_SOCKET)"' -DQGUARD_SCAN='"$(PREFIX)/bin/qguard-scan"' -Wl,-z,relro,-z,now -s -o bin/qguard.so cmd/qguard-plugin/plugin.c; fi

bin/%: FORCE
	CGO_ENABLED=0 $(GO_BUILD) -o $@ ./cmd/$*
FORCE:

# The programs that run for each message, for servers that keep softlimit -m 20000000.
# Without inlining, and with the crypto module that has no 32 MB variable, they need 15.
build-386:
	for p in qguard-scan qguard-queue; do \
	  GOFIPS140=v1.0.0 GOARCH=386 CGO_ENABLED=0 $(GO_BUILD) -gcflags=all=-l -o $(OUT386)/$$p ./cmd/$$p || exit 1; done

setup:
	scripts/setup-test

# The race detector needs a C compiler; without one the tests run without it.
# scan/document has no goroutine and shares nothing: its tests, which take five
# times as long under it, run with those that count coverage.
test: setup
	race=; command -v gcc >/dev/null && race=-race; \
	go test $$race -shuffle=on -count=1 $$(go list ./... | grep -v scan/document)
	scripts/coverage

check: setup
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	go mod verify
	go vet ./...
	CGO_ENABLED=0 go vet ./...
	go tool staticcheck ./...
	mandoc -Tlint -Wwarning $(PAGES)
	for f in scripts/* scripts/bench/* scripts/debian/* scripts/torture/* scripts/examples/* .ci/run; do if head -n 1 "$$f" 2>/dev/null | grep -q '^#!.*sh'; then $$(head -n 1 "$$f" | sed 's/^#!//') -n "$$f" || exit 1; fi; done
	@if command -v govulncheck >/dev/null; then govulncheck ./...; \
	else echo 'govulncheck is not installed: known vulnerabilities not looked up'; fi

bench:
	scripts/bench/run

# What an unlucky server does, to every program; as root. Writes FAULTS.md.
torture: setup
	scripts/torture/run -report FAULTS.md $(TORTURE)

# Every fuzz target, FUZZTIME each; fuzz-ci: all together in 60 seconds.
fuzz:
	scripts/fuzz each $(FUZZTIME)
fuzz-ci:
	scripts/fuzz all 60

# The manual as text in bin/man.
man:
	mkdir -p bin/man
	for p in $(PAGES); do mandoc -Tutf8 $$p | col -b > bin/man/$$(basename $$p).txt; done

# Every default, commented out: the example of a configuration.
bin/qguard.toml: FORCE
	mkdir -p bin && : >bin/empty.toml
	env -u GOARCH -u GOOS CGO_ENABLED=0 go run ./cmd/qguard -c bin/empty.toml rules >bin/defaults.toml
	{ echo '# /etc/qguard/qguard.toml: the rules of qguard, see qguard.toml(5). These are'; \
	  echo '# the defaults: take the # from a key to change it, then run qguard check.'; echo; \
	  sed 's/^[^[]/#&/' bin/defaults.toml; } >$@

# Files only; install-config, as root, makes the user and what is in /etc and /var.
install: build bin/qguard.toml
	DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) scripts/install

install-config: bin/qguard.toml
	scripts/qguard-setup
	test -e /etc/qguard/qguard.toml || install -m 644 bin/qguard.toml /etc/qguard

# Stops where a mail server still names qguard, unless with FORCE=yes: its mail
# would be deferred. The user, /etc/qguard and what is in /var stay.
uninstall:
	@test -n "$(FORCE)" || scripts/qguard-used $(DESTDIR) || { echo 'uninstall: stopped; make uninstall FORCE=yes removes it all the same' >&2; exit 1; }
	DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) scripts/install -u

# A Debian package, bin/qguard_VERSION_ARCHITECTURE.deb; and its test in a clean root.
deb:
	scripts/deb
test-package: deb
	scripts/test-package

clean:
	rm -rf bin
