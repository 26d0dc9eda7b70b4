// Drives real Socket.IO clients and reports what they see, a line of JSON each.
//
//   node clients.cjs <url> <package> <polling|websocket|upgraded> <count>
//
// Each client chats: it sends ["count", id], and the next one when the ack is
// here. An event that was not acknowledged is sent again after a reconnect.
// Lines: {"ready"} once all chat on the transport wanted, {"gone", ...} for each
// client that lost its connection, {"back"} once all chat again, and, after a
// line on stdin, {"acked": ids} as the last.
const [url, pkg, mode, count] = process.argv.slice(2);
const { io } = require(pkg);

const say = (line) => console.log(JSON.stringify(line));
const transports = { polling: ["polling"], websocket: ["websocket"], upgraded: ["polling", "websocket"] }[mode];
const clients = [];
const acked = [];
let phase = "ready"; // what is said once all clients chat

function wanted(socket) {
  return socket.connected && socket.io.engine.transport.name === (mode === "polling" ? "polling" : "websocket");
}

function announce() {
  if (phase && clients.every((c) => c.chats >= 3 && wanted(c.socket))) {
    say({ [phase]: true });
    phase = null;
  }
}

function start(n) {
  const socket = io(url, { transports, forceNew: true, reconnectionDelay: 300, reconnectionDelayMax: 1000 });
  const client = { socket, chats: 0, code: 0, next: 0 };
  clients.push(client);

  const chat = () => {
    const id = `${n}-${client.next}`;
    const engine = socket.io.engine;
    socket.emit("count", id, Buffer.from(id), (answer) => {
      if (answer !== id) say({ wrong: id });
      acked.push(id);
      client.next++;
      client.chats++;
      announce();
      setTimeout(() => socket.connected && socket.io.engine === engine && chat(), 5);
    });
  };
  socket.on("connect", () => {
    watchCode(client);
    socket.io.engine.on("upgrade", () => watchCode(client));
    chat();
  });
  socket.on("disconnect", (reason) => {
    client.chats = 0;
    phase = "back";
    // The WebSocket's own close event comes right before or after this one.
    setImmediate(() => say({ gone: reason, code: client.code, client: n }));
  });
}

function watchCode(client) {
  const ws = client.socket.io.engine.transport.ws;
  if (ws) ws.on("close", (code) => (client.code = code));
}

for (let n = 0; n < Number(count); n++) start(n);

process.stdin.once("data", () => {
  phase = null;
  for (const { socket } of clients) socket.removeAllListeners("disconnect").disconnect();
  say({ acked });
  process.stdin.destroy();
});
