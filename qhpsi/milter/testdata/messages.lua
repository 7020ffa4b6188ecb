-- Several messages in a connection, one of them aborted in the middle; then the
-- server goes without a word.
dofile(lib)
conn = open()
begin(conn, "a@example.org", "b@example.org")
ok(mt.header(conn, "Subject", " aborted"))
ok(mt.header(conn, "Content-Type", " application/octet-stream; name=a.exe"))
ok(mt.eoh(conn))
ok(mt.bodystring(conn, "MZ\r\n"))
ok(mt.abort(conn))

begin(conn, "a@example.org", "b@example.org")
ok(mt.header(conn, "Subject", " clean"))
ok(mt.eoh(conn))
ok(mt.bodystring(conn, "At noon?\r\n"))
ok(mt.eom(conn))
accepted(conn)

begin(conn, "a@example.org", "hold@example.org")
program(conn)
discarded(conn)

begin(conn, "a@example.org", "b@example.org")
ok(mt.header(conn, "Subject", " not to its end"))
ok(mt.eoh(conn))
mt.disconnect(conn, false)
