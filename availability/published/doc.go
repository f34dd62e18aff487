// Package published keeps free/busy that somebody has published, on disk, and answers from
// it.
//
// A [Store] is one file. What [Store.Publish] has acknowledged survives a crash of fbgate
// and of the machine. A publication is served until it expires, and not a moment longer; it
// stays in the file for a day after that, so that a clock that was wrong for some hours
// costs nothing.
package published
