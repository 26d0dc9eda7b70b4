'use strict';
// Node itself: server.close, which since Node 19 closes idle connections too.
const servers = require('./app')();

process.on('SIGTERM', () => servers.forEach((server) => server.close()));
