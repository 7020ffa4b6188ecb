# Targets: run test check build bench fuzz man install clean. CI calls check test.
PREFIX   ?= /usr/local
FUZZTIME ?= 10s
STATIC   := qguard-scan qguard-queue qguardd qguard
OUT386   ?= bin/386
GO_BUILD := go build -trimpath -ldflags '-s -w'
PAGES    := $(wildcard man/*.[58])

.PHONY: run build build-386 test check setup bench fuzz man install clean

# Judge the sample queue: a clean mail, a program, one in a ZIP, a leaked login.
run: $(STATIC:%=bin/%)
	bin/qguard-scan -c scan/testdata/qguard.toml scan/testdata/queue/mess; test $$? -eq 1

# qguard-pam is the only program that needs a C compiler and libpam's headers.
build: $(STATIC:%=bin/%)
	@if command -v gcc >/dev/null && test -e /usr/include/security/pam_appl.h; \
	then CGO_ENABLED=1 $(GO_BUILD) -o bin/qguard-pam ./cmd/qguard-pam; \
	else echo 'qguard-pam not built: it needs gcc and libpam0g-dev'; fi

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
test: setup
	race=; command -v gcc >/dev/null && race=-race; \
	go test $$race -shuffle=on -count=1 ./...

check: setup
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	go mod verify
	go vet ./...
	CGO_ENABLED=0 go vet ./...
	go tool staticcheck ./...
	mandoc -Tlint -Wwarning $(PAGES)
	for f in scripts/* scripts/bench/* scripts/examples/* .ci/run; do if head -n 1 "$$f" 2>/dev/null | grep -q '^#!.*sh'; then $$(head -n 1 "$$f" | sed 's/^#!//') -n "$$f" || exit 1; fi; done
	@if command -v govulncheck >/dev/null; then govulncheck ./...; \
	else echo 'govulncheck is not installed: known vulnerabilities not looked up'; fi

bench:
	scripts/bench/run

# Every fuzz target in turn, FUZZTIME each.
fuzz:
	for p in $$(go list ./...); do \
	  for t in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$t"; go test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$p || exit 1; \
	  done; done

# The manual as text in bin/man.
man:
	mkdir -p bin/man
	for p in $(PAGES); do mandoc -Tutf8 $$p | col -b > bin/man/$$(basename $$p).txt; done

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/qguard \
	  $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 $(STATIC:%=bin/%) $(DESTDIR)$(PREFIX)/bin
	install -m 755 scripts/qguard-limit scripts/qguard-queue.sh $(DESTDIR)$(PREFIX)/lib/qguard
	if test -e bin/qguard-pam; then install -m 755 bin/qguard-pam $(DESTDIR)$(PREFIX)/lib/qguard; fi
	install -m 644 $(wildcard man/*.5) $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 $(wildcard man/*.8) $(DESTDIR)$(PREFIX)/share/man/man8

clean:
	rm -rf bin
