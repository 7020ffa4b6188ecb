-- What the scripts share. Every mistake is an error, which ends miltertest with
-- a status other than 0.
function open()
	local conn = mt.connect(addr, 50, 0.1)
	if conn == nil then error("no connection") end
	ok(mt.conninfo(conn, "client.example.org", "192.0.2.1"))
	return conn
end

function ok(err)
	if err ~= nil then error(err, 2) end
end

function begin(conn, from, ...)
	ok(mt.mailfrom(conn, "<" .. from .. ">"))
	for _, to in ipairs({...}) do
		ok(mt.rcptto(conn, "<" .. to .. ">"))
	end
end

function program(conn)
	ok(mt.header(conn, "Subject", " a file"))
	ok(mt.header(conn, "Content-Type", " application/octet-stream; name=a.exe"))
	ok(mt.eoh(conn))
	ok(mt.bodystring(conn, "MZ\r\n"))
	ok(mt.eom(conn))
end

function reply(conn, want, what)
	local got = mt.getreply(conn)
	if got ~= want then error("not " .. what .. ": " .. string.char(got), 3) end
end

function accepted(conn)
	reply(conn, SMFIR_ACCEPT, "accepted")
	inserted(conn, "X-QHPSI")
end

function inserted(conn, name)
	if not mt.eom_check(conn, MT_HDRINSERT, name) then error(name .. " is not inserted", 2) end
end

function discarded(conn)
	reply(conn, SMFIR_DISCARD, "discarded")
end

function refused(conn)
	reply(conn, SMFIR_REPLYCODE, "refused")
end
