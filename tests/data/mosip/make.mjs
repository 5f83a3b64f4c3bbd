#!/usr/bin/env node
// Makes the golden messages of tests/daemon/api/mosip with jose (npm) and openssl: what a device service written by others
// sends. Run it where `jose` can be found (npm install in tests/npm). The keys are thrown away: the files are committed, and
// running this again makes other ones just as good. Usage: tests/data/mosip/make
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const base = process.env.JOSE_FROM ?? join(here, '../../npm/');
const { CompactSign } = await import(pathToFileURL(createRequire(join(base, 'x')).resolve('jose')));

const work = mkdtempSync(join(tmpdir(), 'mosip-'));
const file = (name) => join(work, name);
const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });

openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '36500', '-subj', '/O=Golden/CN=Golden root',
  '-keyout', file('root.key'), '-out', file('root.pem'));
writeFileSync(file('ext'), 'basicConstraints=CA:FALSE\n');
for (const name of ['mds', 'device']) {
  openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', `/O=Golden/CN=${name === 'mds' ? 'MDS' : 'SN-G'}`,
    '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
  openssl('x509', '-req', '-in', file(`${name}.csr`), '-CA', file('root.pem'), '-CAkey', file('root.key'),
    '-CAcreateserial', '-days', '36500', '-extfile', file('ext'), '-out', file(`${name}.pem`));
}
openssl('req', '-in', file('device.csr'), '-outform', 'DER', '-out', file('device.der'));

const read = (name) => readFileSync(file(name));
const der = (name) => new X509Certificate(read(name)).raw.toString('base64');
const wrap = (text) => text.replace(/(.{76})/g, '$1\r\n');
const sign = (payload, name, x5c = [der(`${name}.pem`), der('root.pem')]) =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'RS256', typ: 'jwt', x5c })
    .sign(createPrivateKey(read(`${name}.key`)));

const time = '2026-03-01T12:00:00.000Z';
const request = (id, more = {}) => ({
  uniqueTransactionId: id, timeStamp: time, serialNumber: 'SN-G', deviceCodeUUID: '', modelID: 'M-G',
  deviceProviderId: 'GOLDEN', bioType: 'Finger', certificationLevel: 'L1', devicePurpose: 'Auth', env: 'Staging',
  deviceServiceVersion: '1.2.3', specVersion: '0.9.5', hostos: 'Android', ...more,
});
const save = (name, operation, jws) => writeFileSync(join(here, name), JSON.stringify({ [operation]: jws }) + '\n');

save('snapshot.json', 'msbDeviceSnapshot', await sign(request('g-1'), 'mds'));
save('snapshot-wrapped-x5c.json', 'msbDeviceSnapshot',
  await sign(request('g-2'), 'mds', [wrap(der('mds.pem')), wrap(der('root.pem'))]));
save('encryption.json', 'msbEncryptionCert', await sign(request('g-3'), 'mds'));
save('rotation.json', 'msbKeyRotation',
  await sign(request('g-4', { csrData: read('device.der').toString('base64') }), 'mds'));
const digitalId = await sign({
  serialNo: 'SN-G', make: 'Golden', model: 'M-G', type: 'Finger', deviceSubType: 'Slap', deviceProvider: 'Golden',
  deviceProviderId: 'GOLDEN', dateTime: time,
}, 'device');
const deviceInfo = await sign({
  deviceSubId: '1', certification: 'L1', digitalId, firmware: '7', deviceExpiry: '2099-01-01T00:00:00.000Z', timestamp: time,
}, 'device');
const deviceData = await sign({ deviceId: 'SN-G', purpose: 'Auth', deviceInfo, foundationalTrustProviderId: '' }, 'device');
save('registration.json', 'msbDeviceRegistration', await sign(request('g-5', {
  deviceRegistrationRequest: JSON.stringify({
    id: 'io.mosip.deviceregister', metadata: '', version: '0.9.5', requesttime: time, request: { deviceData },
  }),
}), 'mds'));
writeFileSync(join(here, 'root.pem'), read('root.pem'));
rmSync(work, { recursive: true });
