'use strict';
const { createHttpTerminator } = require('http-terminator');
const servers = require('./app')();

// Its default would end everything after a second.
const terminators = servers.map((server) => createHttpTerminator({ server, gracefulTerminationTimeout: 25000 }));
process.on('SIGTERM', () => Promise.all(terminators.map((t) => t.terminate())).then(() => process.exit(0)));
