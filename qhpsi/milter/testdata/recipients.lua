-- What is done to the envelope and the body.
dofile(lib)
conn = open()
begin(conn, "a@example.org", "hold@example.org", "tag@example.org")
program(conn)
accepted(conn)
if not mt.eom_check(conn, MT_RCPTDELETE, "<hold@example.org>") then error("a recipient is left") end
if mt.eom_check(conn, MT_RCPTDELETE, "<tag@example.org>") then error("a recipient is gone") end
if mt.eom_check(conn, MT_BODYCHANGE) then error("the body is changed") end

begin(conn, "a@example.org", "hold@example.org", "replace@example.org")
ok(mt.header(conn, "Received", " from there"))
program(conn)
accepted(conn)
if not mt.eom_check(conn, MT_RCPTDELETE, "<hold@example.org>") then error("a recipient is left") end
if not mt.eom_check(conn, MT_BODYCHANGE) then error("the body is not changed") end
if not mt.eom_check(conn, MT_HDRDELETE, "Subject") then error("Subject is not removed") end
if mt.eom_check(conn, MT_HDRDELETE, "Received") then error("Received is removed") end
if not mt.eom_check(conn, MT_HDRADD, "From", " postmaster") then error("From is not added") end
if mt.eom_check(conn, MT_QUARANTINE) then error("the server's quarantine is used") end
mt.disconnect(conn)
