// Package foldertest is a pretend Exchange 2003 that keeps free/busy in the public folder
// SCHEDULE+ FREE BUSY and lets it be written and read over WebDAV: PROPPATCH, PROPFIND,
// DELETE and GET of the item of each mailbox.
//
// It is stricter than Exchange: a PROPPATCH has to be free of anything that some reader of
// the folder is known to stumble over, and to say the same in all the places where it says
// it. What it refuses, it refuses with 400 and the reason as text. It shares no code with
// translate, so that a misreading there is not repeated.
package foldertest
