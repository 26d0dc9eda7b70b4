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
// Messages are immutable once sent. A request to the root is answered on its Reply
// channel, if it carries one, without blocking (the channel must be buffered), and to
// its sender, if it has one. Two of them, Register and AwaitServing, speak of servers
// and stand in package actors.
package messages
