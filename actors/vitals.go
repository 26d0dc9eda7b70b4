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
			Name: seen.group.Name(), Failed: seen.failed.Load(), Gone: seen.gone.Load(),
			Counts: seen.counts(), Adoption: seen.group.Adoption.Histogram(),
		}
		v.Servers = append(v.Servers, s)
	}
	slices.SortFunc(v.Servers, func(a, b messages.ServerVitals) int { return strings.Compare(a.Name, b.Name) })
	return v
}
