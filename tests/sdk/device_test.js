'use strict';
// The vendor's device client against a node: individual and group keys, what it gets, and refusals as it reports them.
const assert = require('assert/strict');
const test = require('node:test');
const { deriveKey, provision } = require('./device');
const { history, host, service, serviceClient } = require('./node');

const client = serviceClient();
const idScope = service.idScope;

async function enroll(registrationId, members) {
  const enrollment = await client.createOrUpdateIndividualEnrollment({
    registrationId,
    attestation: { type: 'symmetricKey', symmetricKey: {} },
    ...members,
  });
  return { enrollment, ...enrollment.attestation.symmetricKey };
}

test('a device with an individual enrollment is assigned, with either key', async () => {
  const { primaryKey, secondaryKey } = await enroll('sdk-own-key', { deviceId: 'own-device' });
  const first = await provision({ host, idScope, registrationId: 'sdk-own-key', key: primaryKey });
  assert.equal(first.status, 'assigned');
  assert.equal(first.deviceId, 'own-device');
  assert.ok(service.hubs.some((hub) => hub.name === first.assignedHub || first.assignedHub.startsWith(`${hub.name}.`)), first.assignedHub);
  const second = await provision({ host, idScope, registrationId: 'sdk-own-key', key: secondaryKey });
  assert.equal(second.assignedHub, first.assignedHub);
});

test('a device of a group is assigned with its derived key', async () => {
  const group = await client.createOrUpdateEnrollmentGroup({
    enrollmentGroupId: 'sdk-fleet',
    attestation: { type: 'symmetricKey', symmetricKey: {} },
  });
  for (const [slot, registrationId] of [['primaryKey', 'fleet-1'], ['secondaryKey', 'fleet:2']]) {
    const key = deriveKey(group.attestation.symmetricKey[slot], registrationId);
    const state = await provision({ host, idScope, registrationId, key });
    assert.equal(state.status, 'assigned');
    assert.equal(state.deviceId, registrationId);
  }
});

test('a payload is accepted and everything that happened is an event', async () => {
  const { primaryKey } = await enroll('sdk-payload');
  await provision({ host, idScope, registrationId: 'sdk-payload', key: primaryKey, payload: { model: 'm1', nested: { a: [1, 2] } } });
  const types = history('sdk-payload').map((event) => event.type);
  assert.ok(types.some((type) => type.startsWith('muster.device_registered')), types.join());
});

test('a wrong key, an unknown device and a wrong ID scope are refused', async () => {
  await enroll('sdk-refused');
  const key = Buffer.alloc(32, 9).toString('base64');
  await assert.rejects(provision({ host, idScope, registrationId: 'sdk-refused', key }), { name: 'UnauthorizedError' });
  await assert.rejects(provision({ host, idScope, registrationId: 'sdk-unknown', key }));
  await assert.rejects(provision({ host, idScope: '0neFFFFFFFF', registrationId: 'sdk-refused', key }));
});

test('a disabled enrollment keeps its device out, and a new one lets it in again', async () => {
  const { enrollment, primaryKey } = await enroll('sdk-disabled');
  const disabled = await client.createOrUpdateIndividualEnrollment({ ...enrollment, provisioningStatus: 'disabled' });
  await assert.rejects(provision({ host, idScope, registrationId: 'sdk-disabled', key: primaryKey }));
  await client.createOrUpdateIndividualEnrollment({ ...disabled, provisioningStatus: 'enabled' });
  const state = await provision({ host, idScope, registrationId: 'sdk-disabled', key: primaryKey });
  assert.equal(state.status, 'assigned');
});

test('twenty devices register at the same time', async () => {
  const group = await client.createOrUpdateEnrollmentGroup({
    enrollmentGroupId: 'sdk-crowd',
    attestation: { type: 'symmetricKey', symmetricKey: {} },
  });
  const states = await Promise.all(
    Array.from({ length: 20 }, (_, i) => {
      const registrationId = `crowd-${i}`;
      const key = deriveKey(group.attestation.symmetricKey.primaryKey, registrationId);
      return provision({ host, idScope, registrationId, key });
    })
  );
  assert.equal(new Set(states.map((state) => state.deviceId)).size, 20);
});
