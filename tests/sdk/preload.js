'use strict';
// The vendor's HTTP clients always connect to port 443 of the host they are given. This lets the host be `localhost:8443`, as their
// other transports do, without privileges and without a change to them: they use Node's global HTTPS agent, and this is another one.
// Use: NODE_EXTRA_CA_CERTS=ca.pem node --require ./preload.js device.js localhost:8443 ...
const https = require('https');

class Agent extends https.Agent {
  createConnection(options, done) {
    const [host, port] = options.host.split(':');
    return super.createConnection(port ? { ...options, host, port: Number(port) } : options, done);
  }
}

// `localhost` may be ::1 first; Node 18 tries only that unless told otherwise.
https.globalAgent = new Agent({ keepAlive: true, autoSelectFamily: true });
