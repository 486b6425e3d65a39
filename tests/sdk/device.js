'use strict';
// A device that provisions itself with the vendor's SDK, as its documentation has it.
// Use: device.js HOST ID_SCOPE REGISTRATION_ID KEY [PAYLOAD]; prints the registration as JSON.
const crypto = require('crypto');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Http } = require('azure-iot-provisioning-device-http');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');

/// The key of one device of a group: HMAC-SHA256 of its registration ID under the group's key, both keys in base64.
function deriveKey(groupKey, registrationId) {
  return crypto.createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId).digest('base64');
}

/// Registers and polls until there is an assignment. Gives the registration state, or throws what the SDK reports.
function provision({ host, idScope, registrationId, key, payload }) {
  const security = new SymmetricKeySecurityClient(registrationId, key);
  const client = ProvisioningDeviceClient.create(host, idScope, new Http(), security);
  if (payload !== undefined) client.setProvisioningPayload(payload);
  return new Promise((resolve, reject) => client.register((error, state) => (error ? reject(error) : resolve(state))));
}

module.exports = { deriveKey, provision };

if (require.main === module) {
  const [host, idScope, registrationId, key, payload] = process.argv.slice(2);
  provision({ host, idScope, registrationId, key, payload: payload && JSON.parse(payload) }).then(
    (state) => console.log(JSON.stringify(state)),
    (error) => {
      console.error(`${error.name}: ${error.message} ${error.responseBody || ''}`);
      process.exitCode = 1;
    }
  );
}
