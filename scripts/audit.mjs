#!/usr/bin/env node
// Whether a package of the lock file is known to be unsound, or runs a program when it is installed. Asks the registry; where
// that answers no audit, what .ci/advisories.json knows has to do. Ends with 1 for whatever is not accepted there by name.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findUnsound, nameOf } from './advisories.mjs';

const read = (path) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));
const lock = read('package-lock.json');
const list = read('.ci/advisories.json');
const isAccepted = (id, name) => list.accepted.some((entry) => entry.id === id && entry.package === name);

const faults = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  const name = nameOf(path);
  if (entry.hasInstallScript && !(name in list.installScripts))
    faults.push(`${name} ${entry.version} runs a program when it is installed.`);
}

const asked = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', timeout: 60_000 });
const report = parse(asked.stdout);
if (report?.vulnerabilities) {
  for (const { name, via } of Object.values(report.vulnerabilities))
    for (const advisory of via.filter((cause) => typeof cause === 'object')) {
      const ids = [advisory.url?.split('/').at(-1), ...(advisory.cves ?? [])];
      if (!ids.some((id) => isAccepted(id, name)))
        faults.push(`${name}: ${advisory.title} (${advisory.url})`);
    }
} else {
  console.log(
    `The registry answers no audit (${report?.statusCode ?? asked.error?.code ?? 'no answer'}): looked up in .ci/advisories.json.`,
  );
  for (const { id, name, version, fixed } of findUnsound(lock.packages, list.known))
    if (!isAccepted(id, name)) faults.push(`${name} ${version}: ${id}, fixed in ${fixed.join(' and ')}`);
}

for (const fault of faults) console.error(fault);
console.log(
  `Audited ${Object.keys(lock.packages).length - 1} packages: ${faults.length} faults, ${list.accepted.length} accepted by name.`,
);
process.exit(faults.length > 0 ? 1 : 0);

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
