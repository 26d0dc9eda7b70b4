package actors

import (
	"slices"
	"strings"
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
	for _, seen := range *list {
		s := messages.ServerVitals{
			Name: seen.group.Name(), Failed: seen.failed.Load(),
			Counts: seen.counts(), Adoption: seen.group.Adoption.Histogram(),
		}
		i, again := slices.BinarySearchFunc(v.Servers, s.Name, func(s messages.ServerVitals, name string) int {
			return strings.Compare(s.Name, name)
		})
		if again { // unregistered, and registered again
			v.Servers[i] = s
			continue
		}
		v.Servers = slices.Insert(v.Servers, i, s)
	}
	return v
}
