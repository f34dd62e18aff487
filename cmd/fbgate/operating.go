package main

import (
	"context"
	"time"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/availability/journal"
	"fbgate/availability/meter"
	"fbgate/davfb/admin"
	"fbgate/davfb/face"
	"fbgate/davfb/intake"
)

// mostLookups is how many of the last questions operators can look at.
const mostLookups = 1000

// operating is what operators see and do that goes on over a change of the configuration.
type operating struct {
	started    time.Time
	requests   *face.Requests
	clients    *meter.Organization
	listeners  map[string]*intake.Listener
	journal    *journal.Journal // of what clients have asked
	followers  admin.Followers  // of it
	changes    *admin.Changes   // made by operators
	consulting consulting       // doctors at work
}

func newOperating() *operating {
	return &operating{
		started: time.Now(), requests: new(face.Requests), clients: new(meter.Organization),
		listeners: make(map[string]*intake.Listener), journal: journal.New(mostLookups), changes: new(admin.Changes),
	}
}

// meters are what counts besides the organizations' own.
func (b *builder) meters() admin.Meters {
	return admin.Meters{
		Requests: b.operating.requests, Clients: b.operating.clients, Listeners: b.operating.listeners,
		Access: b.statistics, Budget: b.budget,
	}
}

// asOperator is a Source that operators ask. They see all there is, unless they ask in
// the name of somebody: then what he sees.
type asOperator struct{ availability.Source }

// Lookup implements availability.Source.
func (o asOperator) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	if q.Requester.Mailbox == "" {
		return access.Unrestricted(o.Source).Lookup(ctx, q)
	}
	return o.Source.Lookup(ctx, q)
}
