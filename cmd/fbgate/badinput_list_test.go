package main

import (
	"fmt"
	"strings"
)

const ownName = "mail.contoso.com"

// raw is a request as it goes over the wire.
func raw(line, body string, fields ...string) string {
	if body != "" {
		fields = append(fields, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	head := append([]string{line + " HTTP/1.1", "Host: " + ownName}, fields...)
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

// owa asks for free/busy as Outlook Web Access does.
func owa(query string) string { return raw("GET /public/?Cmd=freebusy&"+query, "") }

const day1 = "start=2026-11-23T00:00:00Z&end=2026-11-24T00:00:00Z"

// many repeats something, with its number in it where there is a %d.
func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(format, "%") {
			fmt.Fprintf(&b, format, i)
		} else {
			b.WriteString(format)
		}
	}
	return b.String()
}

// largest are the dearest requests that the default limits allow.
func largest() []badInput {
	const year = "start=2026-11-23T00:00:00Z&end=2027-12-28T00:00:00Z&interval="
	people := many(500, "&u=SMTP:mary@contoso.com")
	return []badInput{
		{"a week of 500 attendees", "readers", owa("start=2026-11-23T00:00:00Z&end=2026-11-30T00:00:00Z&interval=30" + people)},
		{"400 days of 500 attendees by the hour", "readers", owa(year + "60" + people)},
		{"400 days of 7 attendees by the minute", "readers", owa(year + "1" + many(7, "&u=SMTP:mary@contoso.com"))},
		{"100 messages of the folder", "readers", raw("BPROPFIND "+folderSales, batchOf(100, propMonths))},
		{"a file of 400 days", "readers", raw("GET /freebusy/mary@contoso.com.vfb?start=2026-11-23T00:00:00Z&end=2027-12-28T00:00:00Z", "")},
	}
}

const (
	davStart   = `<a:propfind xmlns:a="DAV:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/">`
	propMonths = `<a:prop><d:x68531003/><d:x68541102/></a:prop>`
	davEnd     = `</a:propfind>`
)

func batchOf(n int, props string) string {
	return davStart + "<a:target>" + many(n, "<a:href>"+strings.ReplaceAll(folderMary, "%", "%%")+"</a:href>") + "</a:target>" + props + davEnd
}

func sqlOf(text string) string {
	return `<a:searchrequest xmlns:a="DAV:"><a:sql>` + strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(text) + `</a:sql></a:searchrequest>`
}

func fileOf(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n"
}

func patchOf(props string) string {
	return `<a:propertyupdate xmlns:a="DAV:" xmlns:c="xml:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/"><a:set><a:prop>` + props + `</a:prop></a:set></a:propertyupdate>`
}

func badInputs() (all []badInput) {
	add := func(to string, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, badInput{pairs[i], to, pairs[i+1]})
		}
	}
	const u = "&u=SMTP:mary@contoso.com"
	add("readers", // the free/busy query
		"no parameters", owa(""),
		"no start", owa("u=SMTP:mary@contoso.com"),
		"an empty start", owa("start="+u),
		"start is a word", owa("start=today"+u),
		"start is a number", owa("start=1795392000"+u),
		"start is negative", owa("start=-2026-11-23T00:00:00Z"+u),
		"start on 30 February", owa("start=2026-02-30T00:00:00Z"+u),
		"start before time", owa("start=1600-12-31T00:00:00Z"+u),
		"start after time", owa("start=4501-01-01T00:00:00Z"+u),
		"start in a year of five digits", owa("start=20026-11-23T00:00:00Z"+u),
		"start in a zone that is nowhere", owa("start=2026-11-23T00:00:00%2B15:00"+u),
		"start twice", owa(day1+"&start=2026-11-24T00:00:00Z"+u),
		"start of 50,000 bytes", owa("start="+strings.Repeat("9", 50_000)+u),
		"start with a NUL", owa("start=2026-11-23T00:00:00Z%00"+u),
		"start in ISO-8859-1", owa("start=%E9t%E9"+u),
		"start with markup", owa("start=%3Cscript%3Ealert(1)%3C/script%3E"+u),
		"start and another line", owa("start=2026%0D%0ASet-Cookie:%20x"+u),
		"start broken off in an escape", owa("start=2026-11-23T00:00:00%"+u),
		"end is a word", owa("start=2026-11-23T00:00:00Z&end=tomorrow"+u),
		"an empty end", owa("start=2026-11-23T00:00:00Z&end="+u),
		"end before start", owa("start=2026-11-23T00:00:00Z&end=2026-11-22T00:00:00Z"+u),
		"end at start", owa("start=2026-11-23T00:00:00Z&end=2026-11-23T00:00:00Z"+u),
		"end too late", owa("start=2026-11-23T00:00:00Z&end=2028-11-23T00:00:00Z"+u),
		"end and endt", owa(day1+"&endt=2026-11-24T00:00:00Z"+u),
		"an empty interval", owa(day1+"&interval="+u),
		"interval is a word", owa(day1+"&interval=half"+u),
		"interval is 0", owa(day1+"&interval=0"+u),
		"interval is negative", owa(day1+"&interval=-30"+u),
		"interval longer than a day", owa(day1+"&interval=1441"+u),
		"interval beyond 64 bits", owa(day1+"&interval=99999999999999999999"+u),
		"interval is a fraction", owa(day1+"&interval=30.5"+u),
		"interval in hexadecimal", owa(day1+"&interval=0x1E"+u),
		"interval in other digits", owa(day1+"&interval=%D9%A3%D9%A0"+u),
		"interval twice", owa(day1+"&interval=30&interval=30"+u),
		"too many digits", owa("start=2026-11-23T00:00:00Z&end=2027-12-28T00:00:00Z&interval=1"+many(10, u)),
		"nobody", owa(day1),
		"an empty attendee", owa(day1+"&u="),
		"501 attendees", owa(day1+many(501, u)),
		"20,000 attendees", owa(day1+many(20_000, "&u=")),
		"an attendee without a domain", owa(day1+"&u=SMTP:mary"),
		"an attendee of 60,000 bytes", owa(day1+"&u=SMTP:"+strings.Repeat("m", 60_000)+"@contoso.com"),
		"an attendee of 60,000 escaped bytes", owa(day1+"&u=SMTP:"+strings.Repeat("%22", 20_000)+"@contoso.com"),
		"an attendee that is no UTF-8", owa(day1+"&u=SMTP:m%FFry@contoso.com"),
		"an attendee with control characters", owa(day1+"&u=SMTP:mary%00%0D%0A@contoso.com"),
		"an attendee of an unknown type", owa(day1+"&u=X400:c=us;a=%20;p=contoso"),
		"an attendee nobody knows", owa(day1+"&u=SMTP:nobody@contoso.com"),
		"an attendee of nobody's domain", owa(day1+"&u=SMTP:mary@example.com"),
		"an attendee by a DN nobody knows", owa(day1+"&u=EX:/o=Contoso/ou=Sales/cn=Recipients/cn=nobody"),
		"an attendee by a DN of 60,000 bytes", owa(day1+"&u=EX:/o="+strings.Repeat("x", 60_000)),
		"500 attendees nobody knows", owa(day1+many(500, "&u=SMTP:n%d@example.com")),
		"60,000 empty parameters", owa(strings.Repeat("&", 60_000)),
		"a URL too long", owa(day1+"&u=SMTP:"+strings.Repeat("m", 70_000)),
		"free/busy by POST", raw("POST /public/?Cmd=freebusy&"+day1+u, "x=1", "Content-Type: application/x-www-form-urlencoded"),
		"free/busy by PUT", raw("PUT /public/?Cmd=freebusy&"+day1+u, ""),
		"free/busy by DELETE", raw("DELETE /public/?Cmd=freebusy&"+day1+u, ""),
		"free/busy by TRACE", raw("TRACE /public/?Cmd=freebusy&"+day1+u, ""),
		"free/busy by OPTIONS", raw("OPTIONS /public/?Cmd=freebusy&"+day1+u, ""),
		"free/busy by a method nobody knows", raw("BREW /public/?Cmd=freebusy&"+day1+u, ""),
		"free/busy by get in lower case", raw("get /public/?Cmd=freebusy&"+day1+u, ""),
		"free/busy by POST, 1 GB announced", raw("POST /public/?Cmd=freebusy", "", "Content-Length: 1000000000"),
		"free/busy with a body of one-byte chunks", raw("GET /public/?Cmd=freebusy", "", "Transfer-Encoding: chunked")+many(2000, "1\r\nx\r\n")+"0\r\n\r\n",
		"free/busy with a chunk extension of 100,000 bytes", raw("GET /public/?Cmd=freebusy", "", "Transfer-Encoding: chunked")+"1;"+strings.Repeat("x", 100_000)+"\r\nx\r\n0\r\n\r\n",
		"free/busy with trailers of 100,000 bytes", raw("GET /public/?Cmd=freebusy", "", "Transfer-Encoding: chunked")+"0\r\n"+many(10_000, "X%d: x\r\n")+"\r\n",
	)
	add("readers", // other paths, and other words than HTTP's
		"the root", raw("GET /", ""),
		"a command nobody knows", raw("GET /public/?Cmd=contents", ""),
		"the command, then free/busy", raw("GET /public/?Cmd=navbar&Cmd=freebusy&"+day1+u, ""),
		"a folder of OWA", raw("GET /exchange/mary/Calendar/", ""),
		"a file of the machine", raw("GET /public/../../etc/passwd", ""),
		"a file of the machine, escaped", raw("GET /public/%2e%2e%2f%2e%2e%2fetc%2fpasswd", ""),
		"a path with a NUL", raw("GET /public/%00", ""),
		"a path with markup", raw("GET /%3Cscript%3Ealert(1)%3C/script%3E", ""),
		"a path with a broken escape", raw("GET /public/%zz", ""),
		"a path of 60,000 slashes", raw("GET "+strings.Repeat("/", 60_000), ""),
		"a tunnel", "CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n",
		"another host's URL", raw("GET http://www.example.com/", ""),
		"no host", "GET /public/ HTTP/1.1\r\n\r\n",
		"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"HTTP/0.9", "GET /public/\r\n\r\n",
		"HTTP/1.0 of nowhere", "GET /nowhere HTTP/1.0\r\n\r\n",
		"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/3.0", "GET / HTTP/3.0\r\nHost: x\r\n\r\n",
		"HTTP in lower case", "GET / http/1.1\r\nHost: x\r\n\r\n",
		"TLS on the plain port", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"+strings.Repeat("\x00\x01\r\n", 40)+"\r\n\r\n",
		"rubbish", "\x00\x01\x02\x03\xff\xfe\r\n\r\n",
		"SSH", "SSH-2.0-OpenSSH_9.6\r\n\r\n",
		"SMTP", "EHLO example.com\r\n\r\n",
		"a request line of one word", "GET\r\n\r\n",
		"a method with a slash", "G/T / HTTP/1.1\r\nHost: x\r\n\r\n",
		"a header without a colon", "GET / HTTP/1.1\r\nHost: x\r\nNonsense\r\n\r\n",
		"a header with a space in its name", "GET / HTTP/1.1\r\nHost: x\r\nContent Length: 1\r\n\r\n",
		"a header with a space before the colon", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 1\r\n\r\nx",
		"a header with a NUL", "GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
		"a header continued before there is one", "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
		"a header of 110,000 bytes", "GET / HTTP/1.1\r\nHost: x\r\nCookie: "+strings.Repeat("x", 110_000)+"\r\n\r\n",
		"20,000 headers of one name", raw("GET /", "")[:len(raw("GET /", ""))-2]+many(20_000, "A:\r\n")+"\r\n",
		"14,000 headers of names of their own", raw("GET /", "")[:len(raw("GET /", ""))-2]+many(14_000, "%x:\r\n")+"\r\n",
		"12,000 headers, and free/busy", owa(day1 + u)[:len(owa(day1+u))-2]+many(12_000, "%x:\r\n")+"\r\n",
		"bare line feeds", "GET /nowhere HTTP/1.1\nHost: x\n\n",
		"Content-Length and chunks", raw("POST /public/", "", "Content-Length: 3", "Transfer-Encoding: chunked")+"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
		"two lengths", raw("POST /public/", "", "Content-Length: 3", "Content-Length: 4")+"abcd",
		"two lengths in one", raw("POST /public/", "", "Content-Length: 3, 4")+"abcd",
		"a negative length", raw("POST /public/", "", "Content-Length: -1"),
		"a length with a sign", raw("POST /public/", "", "Content-Length: +3")+"abc",
		"a length beyond 64 bits", raw("POST /public/", "", "Content-Length: 99999999999999999999"),
		"a length in hexadecimal", raw("POST /public/", "", "Content-Length: 0x3")+"abc",
		"chunks twice", raw("POST /public/", "", "Transfer-Encoding: chunked, chunked")+"0\r\n\r\n",
		"an encoding after chunks", raw("POST /public/", "", "Transfer-Encoding: chunked, identity")+"0\r\n\r\n",
		"an encoding nobody knows", raw("POST /public/", "", "Transfer-Encoding: xchunked")+"0\r\n\r\n",
		"chunks of HTTP/1.0", "POST /public/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an expectation nobody knows", raw("GET /public/?Cmd=freebusy&"+day1+u, "", "Expect: the-unexpected"),
		"100-continue, and no reason to", raw("POST /public/?Cmd=freebusy", "", "Expect: 100-continue", "Content-Length: 1000000"),
		"an upgrade to WebSocket", raw("GET /", "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw=="),
		"an upgrade to HTTP/2", raw("GET /", "", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
		"a request name that cannot be written", raw("GET /nowhere", "", "X-Request-Id: <script>"),
	)
	add("readers", // the folder
		"all below the folder", raw("PROPFIND "+folderSales, ""),
		"Depth is 2", raw("PROPFIND "+folderSales, "", "Depth: 2"),
		"Depth is a word", raw("PROPFIND "+folderSales, "", "Depth: 1,noroot,please"),
		"another folder", raw("PROPFIND /public/NON_IPM_SUBTREE/OFFLINE%20ADDRESS%20BOOK/", "", "Depth: 0"),
		"a folder too deep", raw("PROPFIND "+folderMary+"/a/b/c", "", "Depth: 0"),
		"a folder above", raw("PROPFIND /public/NON_IPM_SUBTREE/../", "", "Depth: 0"),
		"a message of a DN too long", raw("PROPFIND "+folderSales+"USER-_xF8FF_cn="+strings.Repeat("x", 2000)+".EML", "", "Depth: 0"),
		"a message of control characters", raw("PROPFIND "+folderSales+"USER-_xF8FF_cn=%0D%0A.EML", "", "Depth: 0"),
		"a message nobody has", raw("PROPFIND "+folderSales+"USER-_xF8FF_cn=Recipients_xF8FF_cn=nobody.EML", "", "Depth: 0"),
		"a message that is none", raw("PROPFIND "+folderSales+"mary.EML", "", "Depth: 0"),
		"a body that is no XML", raw("PROPFIND "+folderSales, "prop=x", "Depth: 0"),
		"a body of another root", raw("PROPFIND "+folderSales, "<a:propertyupdate xmlns:a='DAV:'/>", "Depth: 0"),
		"a body cut short", raw("PROPFIND "+folderSales, davStart+"<a:prop><a:href/>", "Depth: 0"),
		"a body with a document type", raw("PROPFIND "+folderSales, "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"+davStart+"<a:prop><a:x>&x;</a:x></a:prop>"+davEnd, "Depth: 0"),
		"a billion laughs", raw("PROPFIND "+folderSales, "<!DOCTYPE a [<!ENTITY a 'ha'>"+many(10, "<!ENTITY a%d '&a;&a;&a;&a;&a;&a;&a;&a;'>")+"]><a>&a9;</a>", "Depth: 0"),
		"an entity nobody knows", raw("PROPFIND "+folderSales, davStart+"<a:prop>&x;</a:prop>"+davEnd, "Depth: 0"),
		"a body of depth 1,000", raw("PROPFIND "+folderSales, davStart+strings.Repeat("<a:x>", 1000)+strings.Repeat("</a:x>", 1000)+davEnd, "Depth: 0"),
		"a body of 20,000 elements", raw("PROPFIND "+folderSales, davStart+"<a:prop>"+strings.Repeat("<a:x/>", 20_000)+"</a:prop>"+davEnd, "Depth: 0"),
		"a body of 1,900 elements", raw("PROPFIND "+folderSales, davStart+"<a:prop>"+strings.Repeat("<a:x/>", 1_900)+"</a:prop>"+davEnd, "Depth: 0"),
		"a body of 5,000 attributes", raw("PROPFIND "+folderSales, davStart+"<a:prop "+many(5_000, "x%d='' ")+"/>"+davEnd, "Depth: 0"),
		"a body of 3,000 namespaces", raw("PROPFIND "+folderSales, davStart+"<a:prop "+many(3_000, "xmlns:x%d='y' ")+"/>"+davEnd, "Depth: 0"),
		"a body of one element that never ends", raw("PROPFIND "+folderSales, "<"+strings.Repeat("x", 120_000), "Depth: 0"),
		"a body of one comment", raw("PROPFIND "+folderSales, "<!--"+strings.Repeat("x", 120_000)+"-->", "Depth: 0"),
		"a body of text", raw("PROPFIND "+folderSales, davStart+strings.Repeat("x", 130_000)+davEnd, "Depth: 0"),
		"a body of half a MB of text", raw("PROPFIND "+folderSales, davStart+strings.Repeat("x", 500_000)+davEnd, "Depth: 0"),
		"a body of 2 MB", raw("PROPFIND "+folderSales, strings.Repeat("x", 2<<20), "Depth: 0"),
		"a body of 2 MB in chunks", raw("PROPFIND "+folderSales, "", "Depth: 0", "Transfer-Encoding: chunked")+many(32, fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("x", 64<<10)))+"0\r\n\r\n",
		"a body of chunks with no length", raw("PROPFIND "+folderSales, "", "Depth: 0", "Transfer-Encoding: chunked")+"zz\r\n",
		"a body of a chunk beyond 64 bits", raw("PROPFIND "+folderSales, "", "Depth: 0", "Transfer-Encoding: chunked")+"fffffffffffffffff\r\n",
		"a body in half of UTF-16", raw("PROPFIND "+folderSales, "\xff\xfe<\x00a", "Depth: 0"),
		"a body in EBCDIC", raw("PROPFIND "+folderSales, "<?xml version='1.0' encoding='ebcdic-cp-us'?><x/>", "Depth: 0"),
		"a body that is no UTF-8", raw("PROPFIND "+folderSales, davStart+"<a:prop><a:\xff/></a:prop>"+davEnd, "Depth: 0"),
		"a body with a NUL", raw("PROPFIND "+folderSales, davStart+"\x00"+davEnd, "Depth: 0"),
		"two bodies", raw("PROPFIND "+folderSales, davStart+"<a:allprop/>"+davEnd+"<x/>", "Depth: 0"),
		"no properties", raw("PROPFIND "+folderSales, davStart+"<a:prop/>"+davEnd, "Depth: 0"),
		"all properties, and some", raw("PROPFIND "+folderSales, davStart+"<a:allprop/><a:prop><a:href/></a:prop>"+davEnd, "Depth: 0"),
		"300 properties", raw("PROPFIND "+folderSales, davStart+"<a:prop>"+many(300, "<a:x%d/>")+"</a:prop>"+davEnd, "Depth: 0"),
		"128 properties in namespaces of their own", raw("PROPFIND "+folderSales, davStart+"<a:prop>"+many(128, "<x xmlns='http://example.com/%d'/>")+"</a:prop>"+davEnd, "Depth: 1"),
		"a property of 1,000 bytes", raw("PROPFIND "+folderSales, davStart+"<a:prop><a:"+strings.Repeat("x", 1000)+"/></a:prop>"+davEnd, "Depth: 0"),
		"a search for nothing", raw("SEARCH "+folderSales, ""),
		"a search without SQL", raw("SEARCH "+folderSales, "<a:searchrequest xmlns:a='DAV:'/>"),
		"a search in a language nobody knows", raw("SEARCH "+folderSales, sqlOf("DROP TABLE users")),
		"a search below", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href" FROM Scope('DEEP TRAVERSAL OF "/public/"')`)),
		"a search elsewhere", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF "/exchange/mary/"')`)),
		"a search for who is busy", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE "http://schemas.microsoft.com/mapi/proptag/x68541102" IS NOT NULL`)),
		"a search that does not end", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href`)),
		"a search of 10,000 parentheses", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE `+strings.Repeat("(", 10_000))),
		"a search of 1,000 comparisons", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE `+strings.Repeat(`"DAV:href" LIKE '%x%' OR `, 1_000)+`"DAV:href" = 'x'`)),
		"a search for a pattern of 1,024 bytes", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE "DAV:href" LIKE '`+strings.Repeat("%x", 512)+`'`)),
		"a search for a pattern of 100,000 bytes", raw("SEARCH "+folderSales, sqlOf(`SELECT "DAV:href" FROM Scope('SHALLOW TRAVERSAL OF ""') WHERE "DAV:href" LIKE '`+strings.Repeat("%x", 50_000)+`'`)),
		"a search of a message", raw("SEARCH "+folderMary, sqlOf("SELECT *")),
		"a batch of nothing", raw("BPROPFIND "+folderSales, batchOf(0, propMonths)),
		"a batch of 101", raw("BPROPFIND "+folderSales, batchOf(101, propMonths)),
		"a batch of other hosts", raw("BPROPFIND "+folderSales, davStart+"<a:target><a:href>http://[::1</a:href><a:href>//example.com/etc/passwd</a:href><a:href>"+strings.Repeat("../", 1000)+"</a:href></a:target>"+propMonths+davEnd),
		"a batch with all below", raw("BPROPFIND "+folderSales, batchOf(1, propMonths), "Depth: 1"),
		"something locked", raw("LOCK "+folderMary, "<a:lockinfo xmlns:a='DAV:'/>"),
		"a new folder", raw("MKCOL "+folderSales+"x/", ""),
		"a message moved", raw("MOVE "+folderMary, "", "Destination: http://example.com/"),
		"a message put", raw("PUT "+folderMary, "hello"),
		"a subscription", raw("SUBSCRIBE "+folderMary, "", "Notification-type: update", "Call-Back: httpu://192.0.2.1:1234"),
		"a message written where nobody may", raw("PROPPATCH "+folderMary, patchOf("<d:x68470003>1</d:x68470003>")),
		"a message deleted where nobody may", raw("DELETE "+folderMary, ""),
		"the folder deleted", raw("DELETE "+folderSales, ""),
		"parts of a message that are none", raw("GET "+folderMary, "", "Range: bytes=9999999-"),
		"500 parts of a message", raw("GET "+folderMary, "", "Range: bytes="+strings.TrimSuffix(many(500, "%[1]d-,"), ",")),
	)
	add("clients", // what publishers may write
		"a message written without a password", raw("PROPPATCH "+folderMary, patchOf("<d:x68470003>1</d:x68470003>")),
		"a message written with a wrong password", raw("PROPPATCH "+folderMary, patchOf(""), "Authorization: Basic c3luYzp3cm9uZw=="),
		"a password that is no Base64", raw("PROPPATCH "+folderMary, patchOf(""), "Authorization: Basic ÿÿÿ"),
		"a password of 30,000 bytes", raw("PROPPATCH "+folderMary, patchOf(""), "Authorization: Basic "+strings.Repeat("eHg6", 7_500)),
		"a log-in by NTLM", raw("PROPPATCH "+folderMary, patchOf(""), "Authorization: NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw=="),
		"a message of nothing", raw("PROPPATCH "+folderMary, "", asSync),
		"a message without properties", raw("PROPPATCH "+folderMary, patchOf(""), asSync),
		"a message without its range", raw("PROPPATCH "+folderMary, patchOf("<d:x68531003><c:v>32427</c:v></d:x68531003><d:x68541102><c:v></c:v></d:x68541102>"), asSync),
		"a message of a month too many", raw("PROPPATCH "+folderMary, patchOf("<d:x68531003><c:v>32427</c:v><c:v>32428</c:v></d:x68531003><d:x68541102><c:v></c:v></d:x68541102>"), asSync),
		"a message of a month that is a word", raw("PROPPATCH "+folderMary, patchOf("<d:x68531003><c:v>May</c:v></d:x68531003><d:x68541102><c:v></c:v></d:x68541102>"), asSync),
		"a message whose times are no Base64", raw("PROPPATCH "+folderMary, patchOf("<d:x68531003><c:v>32427</c:v></d:x68531003><d:x68541102><c:v>!!!</c:v></d:x68541102>"), asSync),
		"a message of half a time", raw("PROPPATCH "+folderMary, patchOf("<d:x68531003><c:v>32427</c:v></d:x68531003><d:x68541102><c:v>AAAA</c:v></d:x68541102><d:x68470003>223928640</d:x68470003><d:x68480003>223973280</d:x68480003>"), asSync),
		"a message that ends before it begins", raw("PROPPATCH "+folderMary, patchOf("<d:x68470003>223973280</d:x68470003><d:x68480003>223928640</d:x68480003>"), asSync),
		"a message of the past", raw("PROPPATCH "+folderMary, patchOf("<d:x68470003>223000000</d:x68470003><d:x68480003>223040000</d:x68480003>"), asSync),
		"a range beyond 32 bits", raw("PROPPATCH "+folderMary, patchOf("<d:x68470003>99999999999</d:x68470003><d:x68480003>1</d:x68480003>"), asSync),
		"a message of 900 months", raw("PROPPATCH "+folderMary, patchOf("<d:x68531003>"+strings.Repeat("<c:v>1</c:v>", 900)+"</d:x68531003><d:x68541102>"+strings.Repeat("<c:v/>", 900)+"</d:x68541102>"), asSync),
		"a message of 1 MB", raw("PROPPATCH "+folderMary, patchOf("<d:x68541102><c:v>"+strings.Repeat("A", 1_000_000)+"</c:v></d:x68541102>"), asSync),
		"nothing withdrawn", raw("DELETE "+folderMary, "", asSync),
		"a file put without a password", raw("PUT "+internetMary, fileOf()),
		"a file withdrawn without a password", raw("DELETE "+internetMary, ""),
		"a file withdrawn that is not there", raw("DELETE "+internetMary, "", asSync),
		"an empty file", raw("PUT "+internetMary, "", asSync, "Content-Length: 0"),
		"a file that is no calendar", raw("PUT "+internetMary, "<html>hello</html>", asSync),
		"a file without free/busy", raw("PUT "+internetMary, fileOf(), asSync),
		"a file cut short", raw("PUT "+internetMary, "BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\n", asSync),
		"a file of somebody else", raw("PUT "+internetMary, fileOf("BEGIN:VFREEBUSY", "ORGANIZER:mailto:joe@contoso.com", "DTSTART:20261123T000000Z", "DTEND:20261124T000000Z", "END:VFREEBUSY"), asSync),
		"a file without times", raw("PUT "+internetMary, fileOf("BEGIN:VFREEBUSY", "END:VFREEBUSY"), asSync),
		"a file that ends before it begins", raw("PUT "+internetMary, fileOf("BEGIN:VFREEBUSY", "DTSTART:20261124T000000Z", "DTEND:20261123T000000Z", "END:VFREEBUSY"), asSync),
		"a file in local time", raw("PUT "+internetMary, fileOf("BEGIN:VFREEBUSY", "DTSTART:20261124T000000", "DTEND:20261125T000000", "END:VFREEBUSY"), asSync),
		"a file of the past", raw("PUT "+internetMary, fileOf("BEGIN:VFREEBUSY", "DTSTART:20061123T000000Z", "DTEND:20061124T000000Z", "END:VFREEBUSY"), asSync),
		"a file of a time to come", raw("PUT "+internetMary, fileOf("BEGIN:VFREEBUSY", "DTSTART:30061123T000000Z", "DTEND:30061124T000000Z", "END:VFREEBUSY"), asSync),
		"a file that is a question", raw("PUT "+internetMary, fileOf("METHOD:REQUEST", "BEGIN:VFREEBUSY", "DTSTART:20261123T000000Z", "DTEND:20261124T000000Z", "END:VFREEBUSY"), asSync),
		"a file of 25,000 periods", raw("PUT "+internetMary, fileOf("BEGIN:VFREEBUSY", "DTSTART:20261123T000000Z", "DTEND:20261124T000000Z", "FREEBUSY:"+strings.TrimSuffix(strings.Repeat("20261123T000000Z/PT1H,", 25_000), ","), "END:VFREEBUSY"), asSync),
		"a file of calendars in calendars", raw("PUT "+internetMary, strings.Repeat("BEGIN:VCALENDAR\r\n", 1000), asSync),
		"a file of 2 MB", raw("PUT "+internetMary, strings.Repeat("x", 2<<20), asSync),
		"a file in gzip", raw("PUT "+internetMary, "\x1f\x8b", asSync, "Content-Encoding: gzip"),
		"a part of a file", raw("PUT "+internetMary, fileOf(), asSync, "Content-Range: bytes 0-9/100"),
		"a form", raw("PUT "+internetMary, "--x", asSync, "Content-Type: multipart/form-data; boundary=x"),
		"a file that has changed", raw("PUT "+internetMary, file(tomorrow()), asSync, `If-Match: "x"`),
	)
	add("readers", // Internet Free/Busy
		"a file of nobody", raw("GET /freebusy/nobody@contoso.com.vfb", ""),
		"a file of nobody's domain", raw("GET /freebusy/mary@example.com.vfb", ""),
		"a file without a domain", raw("GET /freebusy/mary.vfb", ""),
		"a file with two domains", raw("GET /freebusy/mary@contoso.com@example.com.vfb", ""),
		"a file of a folder", raw("GET /freebusy/", ""),
		"a file of another folder", raw("GET /freebusy/../../etc/passwd", ""),
		"a file with a space in its address", raw("GET /freebusy/mary%20smith@contoso.com.vfb", ""),
		"a file with a NUL in its address", raw("GET /freebusy/mary%00@contoso.com.vfb", ""),
		"a file with a name of 1,000 bytes", raw("GET /freebusy/"+strings.Repeat("m", 1000)+"@contoso.com.vfb", ""),
		"a file with a URL of 10,000 bytes", raw("GET /freebusy/"+strings.Repeat("m", 10_000)+"@contoso.com.vfb", ""),
		"a file since a word", raw("GET "+internetMary+"?start=today", ""),
		"a file until a word", raw("GET "+internetMary+"?start=2026-11-23T00:00:00Z&end=x", ""),
		"a file of an end only", raw("GET "+internetMary+"?end=2026-11-23T00:00:00Z", ""),
		"a file of two years", raw("GET "+internetMary+"?start=2026-11-23T00:00:00Z&end=2028-11-23T00:00:00Z", ""),
		"a file put where nobody may", raw("PUT "+internetMary, fileOf()),
		"a file by POST", raw("POST "+internetMary, "x"),
		"a file by PROPFIND where nobody may write", raw("PROPFIND "+internetMary, ""),
	)
	const asOperator = "Authorization: Bearer s3cret-token-of-operators"
	add("operators",
		"operators: no token", raw("GET /cache", ""),
		"operators: a wrong token", raw("GET /cache", "", "Authorization: Bearer wrong"),
		"operators: a token of 30,000 bytes", raw("GET /cache", "", "Authorization: Bearer "+strings.Repeat("x", 30_000)),
		"operators: a token as a password", raw("GET /cache", "", "Authorization: Basic czNjcmV0"),
		"operators: nothing there, no token", raw("GET /nowhere", ""),
		"operators: nothing there", raw("GET /nowhere", "", asOperator),
		"operators: a path of slashes", raw("GET //cache", "", asOperator),
		"operators: a method", raw("POST /cache", "mailbox=mary@contoso.com", asOperator),
		"operators: health by POST", raw("POST /healthz", "", asOperator),
		"operators: a parameter nobody knows", raw("GET /cache?mailboxes=mary@contoso.com", "", asOperator),
		"operators: a parameter of 50,000 bytes", raw("GET /cache?"+strings.Repeat("x", 50_000)+"=1", "", asOperator),
		"operators: 12,000 parameters", raw("GET /cache?"+many(12_000, "%x&"), "", asOperator),
		"operators: a parameter twice", raw("DELETE /cache?mailbox=a@contoso.com&mailbox=b@contoso.com", "", asOperator),
		"operators: an empty mailbox", raw("DELETE /cache?mailbox=", "", asOperator),
		"operators: limit is 0", raw("GET /cache?limit=0", "", asOperator),
		"operators: limit is negative", raw("GET /cache?limit=-1", "", asOperator),
		"operators: limit is a word", raw("GET /cache?limit=all", "", asOperator),
		"operators: limit beyond 64 bits", raw("GET /cache?limit=99999999999999999999", "", asOperator),
		"operators: an order nobody knows", raw("GET /cache?order=%3Cb%3E", "", asOperator),
		"operators: a next of 50,000 bytes", raw("GET /cache?next="+strings.Repeat("x", 50_000), "", asOperator),
		"operators: after and next", raw("GET /cache?after=x&next=bWFpbGJveD1hJmV4cGlyZXM9MQ", "", asOperator),
		"operators: after by expiry", raw("GET /cache?after=x&order=expiry", "", asOperator),
		"operators: mailbox and matching", raw("GET /cache?mailbox=a@contoso.com&matching=x", "", asOperator),
		"operators: a broken escape", raw("GET /cache?mailbox=%zz", "", asOperator),
		"operators: a semicolon", raw("DELETE /cache?mailbox=a@contoso.com;organization=contoso", "", asOperator),
		"operators: an organization nobody knows", raw("DELETE /cache?organization=%3Cb%3E%0A", "", asOperator),
		"operators: mailbox and organization", raw("DELETE /cache?mailbox=a@contoso.com&organization=contoso", "", asOperator),
		"operators: what is published", raw("GET /publish", "", asOperator),
	)
	add("operators of this machine",
		"operators: by a name that is not this machine's", "GET /cache HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
		"operators: by a name of 30,000 bytes", "DELETE /cache HTTP/1.1\r\nHost: "+strings.Repeat("x", 30_000)+"\r\n\r\n",
		"operators: by no name", "DELETE /cache HTTP/1.0\r\n\r\n",
	)
	return all
}
