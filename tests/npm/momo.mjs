// The unmodified client mtn-momo against a MoMo appliance: from user creation to balance. Arguments: base URL, CA file; the
// subscription keys of collection and disbursement come on stdin, a line each. Prints one line of JSON.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';

const momo = createRequire(import.meta.url)('mtn-momo');
const [baseUrl, ca] = process.argv.slice(2);
const [collection, disbursement] = (await text(process.stdin)).trim().split('\n');
https.globalAgent.options.ca = readFileSync(ca);

try {
  const { Collections, Disbursements, Users } = momo.create({ callbackHost: 'clinic.com', baseUrl });
  const users = Users({ primaryKey: collection });
  const userId = await users.create('clinic.com');
  const { apiKey } = await users.login(userId);
  const collections = Collections({ userSecret: apiKey, userId, primaryKey: collection });
  const disbursements = Disbursements({ userSecret: apiKey, userId, primaryKey: disbursement });
  console.log(JSON.stringify({
    userId,
    collection: await collections.getBalance(),
    again: await collections.getBalance(),
    disbursement: await disbursements.getBalance(),
    wrong: await Collections({ userSecret: '0'.repeat(32), userId, primaryKey: collection }).getBalance().catch((error) => error.message),
  }));
} catch (error) {
  console.error(error.message, error.response?.status, error.response?.data);
  process.exit(1);
}
