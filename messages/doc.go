// Package messages is the protocol of the tree: every message that its actors
// exchange, who sends it to whom, and what the answer is. Start reading here.
//
//	you ──Shutdown, ForceShutdown, GetStatus, Register, …──▶ root ──Report──▶ you
//	root ──Serve, Shutdown, ForceShutdown, Suspend, …──▶ server ──Bound, Failed, Drained──▶ root
//	acceptor ──Adopt──▶ server
//	server ──Close, Kill──▶ connection ──Closed──▶ server
//	serving goroutine ──Busy, Idle, Ended──▶ connection
//
// Two rules hold everywhere. A child says goodbye before it is stopped: Closed
// from a connection, Drained from a server, Report from the root; a child that
// terminates without one has crashed. And identity travels in the message,
// never in the sender of an answer.
//
// Messages are immutable once sent. A request that carries a Reply channel is
// answered there, without blocking (the channel must be buffered); otherwise
// its sender is answered, if it has one.
package messages
