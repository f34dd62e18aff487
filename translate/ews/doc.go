// Package ews translates Exchange Web Services' GetUserAvailability
// ([MS-OXWAVLS]) to and from Schedules: it writes the SOAP request for some
// mailboxes and a window, and reads the reply.
//
// Requests are in UTC with a zone that never changes, so that no daylight-saving
// rule of either side matters. Replies are read by local name, since the
// namespace of some elements differs between Exchange versions.
package ews
