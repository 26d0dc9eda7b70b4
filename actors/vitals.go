package actors

import (
	"time"

	"github.com/godrain/drain/messages"
)

// Vitals reads everything that can be read without asking an actor.
func (g *Gauges) Vitals() messages.Vitals {
	v := messages.Vitals{Entered: make(map[messages.Phase]time.Time), Dropped: g.Dropped()}
	v.Phase, v.Deadline = g.Phase()
	for p := range g.entered {
		if t := g.entered[p].Load(); t != 0 {
			v.Entered[messages.Phase(p)] = time.Unix(0, t)
		}
	}
	list := g.groups.list.Load()
	if list == nil {
		return v
	}
	at := make(map[string]int, len(*list))
	for _, group := range *list {
		s := messages.ServerVitals{Name: group.Name(), Counts: group.Counts(), Adoption: group.Adoption.Histogram()}
		if i, again := at[s.Name]; again { // unregistered, and registered again
			v.Servers[i] = s
			continue
		}
		at[s.Name] = len(v.Servers)
		v.Servers = append(v.Servers, s)
	}
	return v
}
