package actors

// enquiry is what the root has asked one of its servers. It is waited for elsewhere.
type enquiry[T any] struct {
	*kid
	answer chan T
}

// enquire sends k what msg makes of a channel for the answer.
func enquire[T any](r *root, k *kid, msg func(chan<- T) any) enquiry[T] {
	q := enquiry[T]{k, make(chan T, 1)}
	r.send(k.pid, msg(q.answer))
	return q
}

// await waits until the server has answered, or can answer no more, or enough ends.
func (q enquiry[T]) await(enough <-chan struct{}) (answer T, ok bool) {
	select {
	case answer = <-q.answer:
		return answer, true
	case <-q.gone:
	case <-enough:
	}
	select {
	case answer = <-q.answer: // it has come before
		return answer, true
	default:
		return answer, false
	}
}
