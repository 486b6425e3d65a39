'use strict';
// The node under test: `run` started it, made the service `sdk` and says in the environment how it is reached.
const { execFileSync } = require('child_process');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');

/// Runs the command line against the node; gives the JSON document it prints.
function muster(...command) {
  return JSON.parse(execFileSync(process.env.MUSTER_BINARY, [...command, '--output', 'json'], { encoding: 'utf8' }));
}

const service = muster('service', 'show', 'sdk');

/// The service client's methods as promises of their results, by their callbacks, which is how it is documented.
function serviceClient(connectionString = service.connectionString) {
  const client = ProvisioningServiceClient.fromConnectionString(connectionString);
  return new Proxy(client, {
    get: (target, name) => (...given) =>
      new Promise((resolve, reject) => target[name](...given, (error, result) => (error ? reject(error) : resolve(result)))),
  });
}

/// The events of the service or of one registration ID, oldest first.
function history(...registrationId) {
  const lines = execFileSync(process.env.MUSTER_BINARY, ['history', 'sdk', ...registrationId, '--json'], { encoding: 'utf8' });
  return lines.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

module.exports = { history, host: service.deviceEndpoint, service, serviceClient };
