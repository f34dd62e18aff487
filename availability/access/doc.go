// Package access decides who may see whose free/busy, and how much anybody may ask.
//
// [Rules] stand in front of each organization, outside its cache: what is remembered is
// shared by all who ask. [Limit] stands in front of everything.
package access
