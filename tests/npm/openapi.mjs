// Reads an OpenAPI document from stdin and validates it against the schema of its version, by somebody else's validator;
// then what no schema can say: references lead somewhere, each operationId is used once, and the parameters of a path are those
// in its braces. Prints the version; findings go to stderr, and the exit code is 1.
import { text } from 'node:stream/consumers';
import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator();
const result = await validator.validate(JSON.parse(await text(process.stdin)));
if (!result.valid) {
  console.error(JSON.stringify(result.errors, null, 2));
  process.exit(1);
}
const document = validator.resolveRefs();  // throws for one that leads nowhere

const findings = [];
const ids = new Set();
for (const [path, item] of Object.entries(document.paths)) {
  const braces = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
  if (!/^(\/(([A-Za-z0-9._-]+)|(\{[A-Za-z0-9_]+\})))+$/.test(path)) findings.push(`${path}: not a path template`);
  for (const [verb, operation] of Object.entries(item)) {
    const where = `${verb.toUpperCase()} ${path}`;
    if (!/^[a-z0-9_]+$/.test(operation.operationId)) findings.push(`${where}: operationId ${operation.operationId}`);
    if (ids.has(operation.operationId)) findings.push(`${where}: operationId ${operation.operationId} is used twice`);
    ids.add(operation.operationId);
    const named = (operation.parameters ?? []).filter((one) => one.in === 'path').map((one) => one.name);
    if (braces.sort().join() !== named.sort().join()) findings.push(`${where}: parameters ${named} for ${braces}`);
  }
}
if (findings.length > 0) {
  console.error(findings.join('\n'));
  process.exit(1);
}
console.log(`OpenAPI ${validator.version}`);
