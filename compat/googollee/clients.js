// Drives socket.io-client 2.5.0 over WebSocket: node clients.js <url> <count>.
// Each client emits "count" and waits for the ack, again and again. Lines of JSON
// say: {"ready"} when all have been acknowledged five times since they connected,
// {"gone": reason, "code": close code} for each that lost its connection.
const [url, count] = process.argv.slice(2);
const io = require("socket.io-client");
const say = (line) => console.log(JSON.stringify(line));
const clients = [];
let ready = false;

for (let n = 0; n < Number(count); n++) {
  const socket = io(url, { transports: ["websocket"], forceNew: true, reconnectionDelay: 200, reconnectionDelayMax: 500 });
  const client = { chats: 0, code: 0 };
  clients.push(client);
  const chat = () => {
    const engine = socket.io.engine;
    socket.emit("count", `${n}`, (answer) => {
      if (answer !== `${n}`) say({ wrong: answer });
      client.chats++;
      if (!ready && clients.every((c) => c.chats >= 5)) {
        ready = true;
        say({ ready });
      }
      setTimeout(() => socket.connected && socket.io.engine === engine && chat(), 10);
    });
  };
  socket.on("connect", () => {
    socket.io.engine.transport.ws.addEventListener("close", (e) => (client.code = e.code));
    chat();
  });
  socket.on("disconnect", (reason) => {
    client.chats = 0;
    ready = false;
    setTimeout(() => say({ gone: reason, code: client.code }), 20);
  });
}
