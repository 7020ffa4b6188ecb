module qguard

go 1.26.0

require (
	github.com/BurntSushi/toml v1.6.0
	github.com/VictoriaMetrics/metrics v1.35.1 // qguardd's counts for Prometheus, without its client's 20 packages
	github.com/coreos/go-systemd/v22 v22.7.0 // qguardd: sockets and readiness
	github.com/d--j/go-milter v0.10.0 // milter 6, negotiated, with every reply; the one kept library that does not stay at version 2
	github.com/emersion/go-message v0.18.2
	github.com/go-crypt/crypt v0.14.15 // crypt(3) hashes for the passwd-file authenticator, yescrypt included
	github.com/google/go-cmp v0.7.0 // tests
	github.com/klauspost/compress v1.20.3 // tests: the oracle for zstd
	github.com/landlock-lsm/go-landlock v0.11.0 // qguardd gives up what it does not need, in all threads
	github.com/maxmind/mmdbwriter v1.2.0 // tests: databases of countries
	github.com/msteinert/pam/v2 v2.1.0
	github.com/nwaples/rardecode/v2 v2.4.6 // RAR 3 and 5
	github.com/oschwald/maxminddb-golang/v2 v2.9.0 // countries, in MaxMind's format
	github.com/richardlehane/mscfb v1.0.9 // tests: a second reader of OLE files
	github.com/rogpeppe/go-internal v1.16.0 // tests: testscript
	github.com/ulikunitz/xz v0.5.17 // xz and LZMA, those inside 7z too
	go.etcd.io/bbolt v1.5.0
	golang.org/x/net v0.62.0 // tests: the oracle for HTML
	golang.org/x/sys v0.49.0 // flock, core limits, terminal test
	golang.org/x/text v0.43.0 // charsets and NFKC
)

require (
	github.com/go-crypt/x v0.4.16 // indirect
	github.com/richardlehane/msoleps v1.0.3 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	go4.org/netipx v0.0.0-20231129151722-fdeea329fbba // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	honnef.co/go/tools v0.8.2 // indirect
	kernel.org/pub/linux/libs/security/libcap/psx v1.2.77 // indirect
)

tool honnef.co/go/tools/cmd/staticcheck
