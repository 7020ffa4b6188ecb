-- A huge header, no body, NUL, large pieces of body.
dofile(lib)
conn = open()
begin(conn, "a@example.org", "b@example.org")
ok(mt.header(conn, "Subject", " huge"))
for i = 1, 230 do -- miltertest itself crashes when one value has 8000 bytes
	ok(mt.header(conn, "X-Huge", " " .. string.rep("x", 1000)))
end
ok(mt.eoh(conn))
ok(mt.eom(conn))
accepted(conn)

begin(conn, "a@example.org", "b@example.org")
ok(mt.header(conn, "Subject", " NUL"))
ok(mt.eoh(conn))
ok(mt.bodystring(conn, "a\0b\255\r\n"))
ok(mt.eom(conn))
accepted(conn)

begin(conn, "a@example.org", "b@example.org")
ok(mt.header(conn, "Subject", " large"))
ok(mt.eoh(conn))
ok(mt.bodyrandom(conn, 3000000))
ok(mt.bodystring(conn, string.rep("y", 65000)))
ok(mt.eom(conn))
accepted(conn)
mt.disconnect(conn)
