'use strict';
const { createTerminus } = require('@godaddy/terminus');

// Its default would end everything after a second.
require('./app')((server) => {
  createTerminus(server, { timeout: 25000, useExit0: true });
  return server;
});
