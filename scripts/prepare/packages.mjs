import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup-lock.mjs';
import { runStep } from './step.mjs';

const STAMP = join(ROOT, 'node_modules', '.sible-stamp');

/** Installs the npm packages of the lock file; nothing when exactly these are there already. */
export async function installPackages() {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')));
  const wanted = `${hash.digest('hex')} node${process.versions.modules} ${process.platform}-${process.arch}\n`;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  rmSync(STAMP, { force: true });
  await runStep('Installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--include=dev'], {
    explain: (output) =>
      /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|network/i.test(output)
        ? `The npm registry cannot be reached. Connect this machine to the network (or set npm's proxy), then try again.\n${lastLines(output)}`
        : null,
  });
  writeFileSync(STAMP, wanted);
}

function lastLines(output) {
  return output.trim().split('\n').slice(-3).join('\n');
}
