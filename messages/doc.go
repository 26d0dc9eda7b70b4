// Package messages is the protocol of the tree: every message that its actors
// exchange, who sends it to whom, and what the answer is. Start reading here.
//
//	you ──Shutdown, ForceShutdown, GetStatus, Register, …──▶ root ──Report──▶ you
//	root ──Serve, Shutdown, ForceShutdown, Suspend, …──▶ server ──Bound, Failed, Drained──▶ root
//	acceptor ──Adopt──▶ server
//	server ──Close, Kill──▶ connection ──Closed──▶ server
//	serving goroutine ──Busy, Idle, Ended──▶ connection
//
// Two rules hold everywhere. First, a child says goodbye before it is stopped: a
// connection with Closed, a server with Drained, the root with Report. A child that
// terminates without its goodbye has crashed. Second, identity travels in the
// message, never in the sender of an answer.
//
// Messages are immutable once sent. A request to the root is answered on its Reply
// channel, if it carries one, and to its sender, if it has one. The answer is sent
// to the channel without blocking, so the channel must be buffered. Two of these
// requests, Register and AwaitServing, speak of servers and are in package actors.
package messages
