// Package davupdate writes the WebDAV requests that keep free/busy in the public folder
// SCHEDULE+ FREE BUSY of Exchange 2000 to 2007: the propertyupdate that makes the item of
// a mailbox say something. It also reads what the server says of that. Where the item is,
// package folderpath knows.
//
// The properties and their order are those of Google's calendar connector, which wrote
// into these folders for years, with two differences: the time out of office is written,
// too, and the mailbox is named (PidTagFreeBusyMessageEmailAddress), as Zimbra does.
package davupdate
