// Package availability holds the words every part of fbgate speaks: a Mailbox,
// the Window of time somebody asks about, the Schedule that is known of a
// mailbox, and the Source that finds it.
//
// One record stands in the middle. Every way in produces a [Schedule], every
// way out is drawn from one, so n ways in and m ways out need n + m
// translations. Schedules are values: once made they are never changed, so
// that caches and callers may share their spans.
//
// Failure is never free. The zero [Status] is NoData, the zero [Schedule] knows
// nothing, and an [Answer] without knowledge carries a [Reason].
package availability
