// Clients of Node's ws: node peers.js <url> <count> <idle|echoing|flooding>.
// It writes "ready" when all are connected and at work, and how all of them ended
// as one line of JSON.
'use strict'
const WebSocket = require('ws')

const [url, count, what] = [process.argv[2], Number(process.argv[3]), process.argv[4]]
const ends = {}
let ready = 0
let closed = 0

for (let i = 0; i < count; i++) {
  const socket = new WebSocket(url, { rejectUnauthorized: false, origin: process.env.ORIGIN })
  let counted = false
  const atWork = () => {
    if (!counted) {
      counted = true
      if (++ready === count) console.log('ready')
    }
  }
  socket.on('open', () => {
    if (what === 'idle') atWork()
    else socket.send(what === 'flooding' ? 'flood' : 'an echo')
  })
  socket.on('message', (data) => {
    atWork()
    if (what === 'echoing' && socket.readyState === WebSocket.OPEN) socket.send(data)
  })
  socket.on('error', (err) => { ends['error: ' + err.message] = (ends['error: ' + err.message] || 0) + 1 })
  socket.on('close', (code, reason) => {
    const end = code + ' ' + reason
    ends[end] = (ends[end] || 0) + 1
    if (++closed === count) console.log(JSON.stringify(ends))
  })
}
