'use strict';
const stoppable = require('stoppable');
const servers = require('./app')((server) => stoppable(server, 25000));

process.on('SIGTERM', () => {
  Promise.all(servers.map((server) => new Promise((done) => server.stop(done)))).then(() => process.exit(0));
});
