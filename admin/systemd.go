package admin

import (
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/godrain/drain/messages"
)

// Systemd makes a subscriber that tells systemd how the service is (sd_notify,
// Type=notify): READY once everything is bound and serves, STOPPING from the
// first instant of a shutdown, and a line for systemctl status. Where nobody
// listens ($NOTIFY_SOCKET is not set) it does nothing.
func Systemd() messages.Subscriber { return systemd{} }

type systemd struct{}

// Notify implements messages.Subscriber.
func (systemd) Notify(e messages.Event) {
	if said := systemdState(e); said != "" {
		_, _ = daemon.SdNotify(false, said)
	}
}

func systemdState(e messages.Event) string {
	switch e := e.(type) {
	case messages.PhaseChanged:
		switch e.Phase {
		case messages.PhaseServing:
			return daemon.SdNotifyReady + "\nSTATUS=serving"
		case messages.PhaseAnnounced, messages.PhaseDraining, messages.PhaseKilling:
			return fmt.Sprintf("%s\nSTATUS=%s (%s), the deadline is %s",
				daemon.SdNotifyStopping, e.Phase, e.Reason, e.Deadline.Format(time.TimeOnly))
		}
	case messages.DrainFinished:
		sum := e.Report.Sum()
		return fmt.Sprintf("STATUS=drained in %s: %d in order, %d killed, %d requests lost",
			e.Report.Took.Round(time.Millisecond), sum.Drained+sum.Unanswered, sum.Killed, sum.Lost)
	}
	return ""
}
