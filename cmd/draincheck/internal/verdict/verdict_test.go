package verdict

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func tallyOf(outcomes ...Outcome) (t Tally) {
	for _, o := range outcomes {
		t.Add(o)
	}
	return t
}

func TestWhatIsLostAndWhatIsNot(t *testing.T) {
	for o := range outcomes {
		one := tallyOf(o)
		want := o == LostClosed || o == LostReset || o == LostCut || o == LostTimedOut
		assert.Equal(t, want, o.Lost(), o.String())
		assert.Equal(t, want, one.Lost() == 1, o.String())
		assert.NotContains(t, o.String(), "outcome")
	}
	all := tallyOf(Answered, Repeat, Refused, ResetDialling, ClosedBefore, LostClosed, LostReset, LostCut, LostTimedOut, Ended, LeftOpen)
	assert.Equal(t, 6, all.Written(), "answered, told to repeat, or lost")
}

func TestTalliesAddUp(t *testing.T) {
	a, b := tallyOf(Answered, LostCut), tallyOf(Answered)
	a.AddCloseCode(1001)
	b.AddCloseCode(1001)
	b.AddCloseCode(1006)
	b.Early = 2
	b.AddErrorStatus(404)
	var sum Tally
	sum.Merge(a)
	sum.Merge(b)
	assert.Equal(t, 2, sum.Of(Answered))
	assert.Equal(t, 1, sum.Lost())
	assert.Equal(t, map[int]int{1001: 2, 1006: 1}, sum.CloseCodes)
	assert.Equal(t, map[int]int{1001: 1}, a.CloseCodes, "what is merged is left as it was")
	assert.Equal(t, 2, sum.Early)
	assert.Equal(t, map[int]int{404: 1}, sum.ErrorStatus)
	assert.Equal(t, "1001×2 1006×1", Counts(sum.CloseCodes))
}

func trialOf(t Tally, hung bool) Trial {
	at := time.Now()
	return Trial{Tally: t, Hung: hung, Signalled: at, LastResponse: at.Add(2 * time.Second), Exited: at.Add(5 * time.Second)}
}

func resultOf(trials ...Trial) *Result {
	r := &Result{Name: "x"}
	for _, t := range trials {
		r.Add(t)
	}
	return r
}

func TestStatusAndExitCode(t *testing.T) {
	clean, lossy := trialOf(tallyOf(Answered), false), trialOf(tallyOf(LostReset), false)
	hung := trialOf(tallyOf(Answered), true)
	notRun := &Result{Name: "y", Enable: "-ws-url"}
	failed := resultOf(clean)
	failed.Err = errors.New("x")
	lostAndFailed := resultOf(lossy)
	lostAndFailed.Err = failed.Err
	for name, c := range map[string]struct {
		results []*Result
		maxLost int
		wanted  []string
		status  Status
		code    int
	}{
		"clean":                        {[]*Result{resultOf(clean, clean)}, 0, nil, Clean, ExitClean},
		"one lost":                     {[]*Result{resultOf(clean, lossy)}, 0, nil, Lossy, ExitLost},
		"one lost, one allowed":        {[]*Result{resultOf(clean, lossy)}, 1, nil, Lossy, ExitClean},
		"hung":                         {[]*Result{resultOf(hung)}, 0, nil, Hung, ExitLost},
		"hung, whatever is allowed":    {[]*Result{resultOf(hung)}, 9, nil, Hung, ExitLost},
		"failed":                       {[]*Result{failed}, 0, nil, Failed, ExitNotRun},
		"lost outweighs failed":        {[]*Result{lostAndFailed}, 0, nil, Lossy, ExitLost},
		"not run beside a clean one":   {[]*Result{notRun, resultOf(clean)}, 0, nil, NotRun, ExitClean},
		"nothing was run":              {[]*Result{notRun}, 0, nil, NotRun, ExitNotRun},
		"not run, but asked for":       {[]*Result{notRun, resultOf(clean)}, 0, []string{"y"}, NotRun, ExitNotRun},
		"never passed without a trial": {[]*Result{{Name: "x"}}, 0, nil, Failed, ExitNotRun},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.status, c.results[0].Status())
			assert.Equal(t, c.code, ExitCode(c.results, c.maxLost, c.wanted))
		})
	}
}

func TestTimes(t *testing.T) {
	r := resultOf(trialOf(tallyOf(Answered), false), trialOf(tallyOf(Answered), true))
	assert.Equal(t, []time.Duration{5 * time.Second}, r.ToExit, "a hung server has no time of exit")
	assert.Equal(t, []time.Duration{3 * time.Second}, r.AfterLast)

	early := trialOf(tallyOf(Answered), false)
	early.LastResponse = early.Signalled.Add(-time.Second)
	assert.Equal(t, 5*time.Second, early.LastResponseToExit(), "counted from the signal at the earliest")
	early.LastResponse = early.Exited.Add(time.Second)
	assert.Zero(t, early.LastResponseToExit(), "a slow reader ends after the server")

	assert.Equal(t, 2*time.Second, Median([]time.Duration{3 * time.Second, time.Second, 2 * time.Second}))
	assert.Zero(t, Median(nil))
}

func TestExecutedButUnanswered(t *testing.T) {
	one := trialOf(tallyOf(Answered, LostReset), false)
	one.Counted, one.Executed = true, 2
	r := resultOf(one)
	assert.True(t, r.Counted)
	assert.Equal(t, 1, r.Unanswered)
}

func TestThePictureIsOfTheWorstTrial(t *testing.T) {
	worst := trialOf(tallyOf(LostCut, LostCut), false)
	r := resultOf(trialOf(tallyOf(LostCut), false), worst, trialOf(tallyOf(), false))
	assert.Equal(t, 2, r.Picture.Lost())
}

func TestALineKeepsWhatStandsNearTheSignal(t *testing.T) {
	var l Line
	at := time.Now()
	for i := range 3 * maxSpans {
		l.Worked(Span{From: at.Add(time.Duration(i)), To: at}, false)
	}
	assert.LessOrEqual(t, len(l.Busy), maxSpans)
	assert.Equal(t, at.Add(3*maxSpans-1), l.Busy[len(l.Busy)-1].From, "the last ones are kept before the signal")
	for range 3 * maxSpans {
		l.Worked(Span{From: at.Add(time.Hour)}, true)
	}
	assert.LessOrEqual(t, len(l.Busy), maxSpans)
	l.Mark(Answered, at)
	l.Mark(LostCut, at)
	assert.Equal(t, []Mark{{LostCut, at}}, l.Marks)
}

func TestTheSummary(t *testing.T) {
	hung, failed := resultOf(trialOf(tallyOf(LostCut), true)), &Result{Err: errors.New("x")}
	s := Summary([]*Result{hung, failed, {Enable: "-ws-url"}}, 5)
	assert.Equal(t, "1 lost of 1 requests in 1 stops, 1 hung, 1 scenarios could not run, 1 not run (-max-lost 5 allows that)", s)
}
