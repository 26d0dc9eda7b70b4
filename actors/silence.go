package actors

// What is left to say to an actor that has just said goodbye is nobody's loss: the
// framework need not log it as a dead letter.

func (bound) IgnoreDeadLetterLogging()          {}
func (served) IgnoreDeadLetterLogging()         {}
func (unbound) IgnoreDeadLetterLogging()        {}
func (sessionsClosed) IgnoreDeadLetterLogging() {}
func (quiet) IgnoreDeadLetterLogging()          {}
func (outOfPatience) IgnoreDeadLetterLogging()  {}
func (outOfTime) IgnoreDeadLetterLogging()      {}
func (nextBatch) IgnoreDeadLetterLogging()      {}
func (readyDelayOver) IgnoreDeadLetterLogging() {}
func (killDue) IgnoreDeadLetterLogging()        {}
func (deadlineOver) IgnoreDeadLetterLogging()   {}
