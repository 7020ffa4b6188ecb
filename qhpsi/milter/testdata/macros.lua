-- Macros are missing, then there, then gone with their message.
dofile(lib)
conn = open()
begin(conn, "a@example.org", "b@example.org")
program(conn)
refused(conn)

mt.macro(conn, SMFIC_MAIL, "i", "4Queue1", "{auth_authen}", "jdoe")
begin(conn, "a@example.org", "b@example.org")
program(conn)
accepted(conn)
inserted(conn, "X-QGuard")

begin(conn, "a@example.org", "b@example.org")
program(conn)
refused(conn)
mt.disconnect(conn)
