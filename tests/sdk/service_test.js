'use strict';
// The vendor's service client against a node: individual enrollments, groups, registration records, etags and refusals.
const assert = require('assert/strict');
const test = require('node:test');
const { deriveKey, provision } = require('./device');
const { host, service, serviceClient } = require('./node');

const symmetricKey = () => ({ type: 'symmetricKey', symmetricKey: {} });
const client = serviceClient();

test('an individual enrollment is created, read, updated and deleted', async () => {
  const created = await client.createOrUpdateIndividualEnrollment({
    registrationId: 'Sdk:Individual-1',
    deviceId: 'sdk-device-1',
    attestation: symmetricKey(),
    initialTwin: { tags: { site: 'north' }, properties: { desired: { interval: 5 } } },
  });
  assert.equal(created.registrationId, 'Sdk:Individual-1');
  assert.equal(created.deviceId, 'sdk-device-1');
  assert.equal(created.provisioningStatus, 'enabled');
  assert.ok(Buffer.from(created.attestation.symmetricKey.primaryKey, 'base64').length >= 16);
  assert.ok(created.etag);

  const read = await client.getIndividualEnrollment('sdk:individual-1');
  assert.equal(read.etag, created.etag);
  assert.equal(read.initialTwin.tags.site, 'north');

  // Only creating and updating show keys; an update without any keeps them.
  assert.ok(!JSON.stringify(read).includes(created.attestation.symmetricKey.primaryKey));
  const updated = await client.createOrUpdateIndividualEnrollment({ ...read, provisioningStatus: 'disabled' });
  assert.equal(updated.provisioningStatus, 'disabled');
  assert.notEqual(updated.etag, created.etag);
  assert.deepEqual(updated.attestation.symmetricKey, created.attestation.symmetricKey);

  await client.deleteIndividualEnrollment('Sdk:Individual-1');
  await assert.rejects(client.getIndividualEnrollment('Sdk:Individual-1'), /Not found/);
});

test('creating an individual enrollment twice is a conflict', async () => {
  const enrollment = { registrationId: 'sdk-twice', attestation: symmetricKey() };
  await client.createOrUpdateIndividualEnrollment(enrollment);
  await assert.rejects(client.createOrUpdateIndividualEnrollment(enrollment), { name: 'DeviceAlreadyExistsError' });
  await client.deleteIndividualEnrollment('sdk-twice');
});

test('a stale etag neither updates nor deletes an individual enrollment', async () => {
  const first = await client.createOrUpdateIndividualEnrollment({ registrationId: 'sdk-stale', attestation: symmetricKey() });
  const second = await client.createOrUpdateIndividualEnrollment({ ...first, deviceId: 'renamed' });
  await assert.rejects(client.createOrUpdateIndividualEnrollment({ ...first, deviceId: 'again' }), { name: 'InvalidEtagError' });
  await assert.rejects(client.deleteIndividualEnrollment('sdk-stale', first.etag), { name: 'InvalidEtagError' });
  assert.equal((await client.getIndividualEnrollment('sdk-stale')).deviceId, 'renamed');
  await client.deleteIndividualEnrollment('sdk-stale', second.etag);
});

test('an enrollment group is created, read, updated and deleted', async () => {
  const created = await client.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'sdk-group', attestation: symmetricKey() });
  assert.equal(created.enrollmentGroupId, 'sdk-group');
  assert.ok(created.etag);
  const read = await client.getEnrollmentGroup('sdk-group');
  assert.equal(read.etag, created.etag);
  assert.ok(!JSON.stringify(read).includes(created.attestation.symmetricKey.primaryKey));
  const updated = await client.createOrUpdateEnrollmentGroup({ ...read, provisioningStatus: 'disabled' });
  assert.deepEqual(updated.attestation.symmetricKey, created.attestation.symmetricKey);
  assert.equal(updated.provisioningStatus, 'disabled');
  await assert.rejects(client.deleteEnrollmentGroup('sdk-group', created.etag), { name: 'InvalidEtagError' });
  await client.deleteEnrollmentGroup('sdk-group', updated.etag);
  await assert.rejects(client.getEnrollmentGroup('sdk-group'), /Not found/);
});

test('an enrollment can be made again right after it was deleted', async () => {
  for (let i = 0; i < 3; ++i) {
    await client.createOrUpdateIndividualEnrollment({ registrationId: 'sdk-again', attestation: symmetricKey() });
    await client.deleteIndividualEnrollment('sdk-again');
  }
});

test('a registration record is read and deleted', async () => {
  const group = await client.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'sdk-records', attestation: symmetricKey() });
  const key = deriveKey(group.attestation.symmetricKey.primaryKey, 'sdk-recorded');
  await provision({ host, idScope: service.idScope, registrationId: 'sdk-recorded', key });
  const record = await client.getDeviceRegistrationState('sdk-recorded');
  assert.equal(record.status, 'assigned');
  assert.equal(record.deviceId, 'sdk-recorded');
  await client.deleteDeviceRegistrationState('sdk-recorded', record.etag);
  await assert.rejects(client.getDeviceRegistrationState('sdk-recorded'), /Not found/);
});

test('a wrong policy key is refused', async () => {
  const forged = service.connectionString.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32, 7).toString('base64')}`);
  await assert.rejects(serviceClient(forged).getIndividualEnrollment('sdk-stale'), { name: 'UnauthorizedError' });
});
