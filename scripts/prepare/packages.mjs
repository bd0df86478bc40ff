import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup-error.mjs';
import { runStep } from './step.mjs';

const STAMP = join(ROOT, 'node_modules', '.sible-stamp');

/** The installation of the npm packages in the lock file; null when exactly these are there, for this Node. */
export function missingPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  const [major] = process.versions.node.split('.');
  const wanted = `${lock} node${major} ${process.platform}-${process.arch}\n`;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return null;
  return async () => {
    // `npm ci` begins by removing node_modules, and the stamp with it: a half-made folder has none
    await runStep('Installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--include=dev'], {
      explain,
    });
    writeFileSync(STAMP, wanted);
  };
}

function explain(output) {
  if (!/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|ENETUNREACH/.test(output)) return null;
  const end = output.trim().split('\n').slice(-3).join('\n');
  return `The npm registry cannot be reached. Connect this machine to the network (or set npm's proxy), then try again.\n${end}`;
}
