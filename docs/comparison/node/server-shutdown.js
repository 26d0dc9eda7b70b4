'use strict';
const ServerShutdown = require('server-shutdown');
const servers = require('./app')();

const shutdown = new ServerShutdown();
servers.forEach((server) => shutdown.registerServer(server));
process.on('SIGTERM', () => shutdown.shutdown(() => process.exit(0)));
