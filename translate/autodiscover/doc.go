// Package autodiscover translates the questions by which a client finds the Exchange
// Web Services of a mailbox, and their answers: SOAP Autodiscover ([MS-OXWSADISC],
// since Exchange 2010) and the older plain XML one ([MS-OXDSCLI], since Exchange
// 2007).
//
// Answers are read by local name. Servers write the namespaces with http, and so do
// requests; pages of Microsoft's documentation, and what was made after them, have
// https.
package autodiscover
