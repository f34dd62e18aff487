// Package davxml translates the free/busy request of Exchange 2000 to 2007's
// WebDAV interface,
//
//	GET /public/?Cmd=freebusy&start=…&end=…&interval=30&u=SMTP:mary@contoso.com
//
// and its XML reply. No specification of either was ever published; what old
// clients send and which bytes they look for was learnt from the clients
// themselves: Evolution, DavMail, Zimbra, Horde, Google's connectors and others.
package davxml
