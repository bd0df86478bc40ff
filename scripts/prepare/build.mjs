import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup-error.mjs';
import { runStep } from './step.mjs';

const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.sible-stamp');
const SOURCES = ['server', 'client', 'shared', 'schema.graphql', 'codegen.ts', 'package-lock.json'];
const GENERATED = 'client/graphql/generated';

/** The build of server and console; null when they were built from exactly these files. */
export function missingBuild() {
  const wanted = fingerprint();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return null;
  return async () => {
    rmSync(STAMP, { force: true });
    await runStep('Building', 'npm', ['run', '--silent', 'build']);
    mkdirSync(DIST, { recursive: true });
    // as it was before the build: a file that changed during it is not in it
    writeFileSync(STAMP, wanted);
  };
}

/** Names, sizes and times: reading every file would make each start slower. */
function fingerprint() {
  const hash = createHash('sha256');
  const visit = (path) => {
    if (path === GENERATED) return;
    const info = statSync(join(ROOT, path), { throwIfNoEntry: false });
    if (info?.isDirectory())
      for (const name of readdirSync(join(ROOT, path)).sort()) visit(`${path}/${name}`);
    else if (info) hash.update(`${path} ${info.size} ${info.mtimeMs}\n`);
  };
  const configs = readdirSync(ROOT).filter((name) => /^tsconfig.*\.json$/.test(name));
  for (const source of [...SOURCES, ...configs.sort()]) visit(source);
  return `${hash.digest('hex')}\n`;
}
