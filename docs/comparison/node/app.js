'use strict';
// The routes that draincheck's -base expects, for all the Node servers of the comparison.

const http = require('http');
const https = require('https');
const fs = require('fs');
const { WebSocketServer } = require('ws');

function number(url, name, otherwise) {
  return parseInt(url.searchParams.get(name), 10) || otherwise;
}

function handle(req, res) {
  const url = new URL(req.url, 'http://localhost');
  switch (url.pathname) {
    case '/readyz':
      return res.end('ready\n');
    case '/echo':
      return req.pipe(res);
    case '/slow':
      return setTimeout(() => res.end('slow\n'), number(url, 'ms', 1000));
    case '/stream':
      res.write('begun\n');
      return setTimeout(() => res.end('ended\n'), number(url, 'ms', 500));
    case '/download':
      return res.end(Buffer.alloc(number(url, 'mb', 16) << 20));
    case '/early':
      return res.end(Buffer.alloc(2 << 20)); // the body stays unread
    case '/events': {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const timer = setInterval(() => res.write('data: x\n\n'), 20);
      return res.on('close', () => clearInterval(timer));
    }
  }
  res.writeHead(404).end();
}

function webSockets(server) {
  const wss = new WebSocketServer({ noServer: true });
  server.on('upgrade', (req, socket, head) => {
    wss.handleUpgrade(req, socket, head, (ws) => {
      const url = new URL(req.url, 'http://localhost');
      ws.on('error', () => {});
      if (url.pathname === '/ws/big') {
        ws.send(Buffer.alloc(number(url, 'mb', 8) << 20));
      } else {
        ws.on('message', (message, binary) => ws.send(message, { binary }));
      }
    });
  });
  return server;
}

// start returns the two servers, listening on the addresses after -http and -https.
module.exports = function start(adapt = (server) => server) {
  const option = (name) => process.argv[process.argv.indexOf(name) + 1];
  const listen = (server, address) => {
    const [host, port] = address.split(':');
    return adapt(webSockets(server)).listen(port, host);
  };
  const servers = [listen(http.createServer(handle), option('-http'))];
  if (process.argv.includes('-https')) {
    const tls = { key: fs.readFileSync(option('-key')), cert: fs.readFileSync(option('-cert')) };
    servers.push(listen(https.createServer(tls, handle), option('-https')));
  }
  return servers;
};
