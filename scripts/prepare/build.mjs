import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup-lock.mjs';
import { runStep } from './step.mjs';

const STAMP = join(ROOT, 'dist', '.sible-stamp');
const SOURCES = [
  'server',
  'client',
  'scripts',
  'schema.graphql',
  'codegen.ts',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
];
const GENERATED = 'client/graphql/generated';

/** Builds server and console; nothing when they were built from exactly these files. */
export async function build() {
  const wanted = fingerprint();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  rmSync(STAMP, { force: true });
  await runStep('Building', 'npm', ['run', '--silent', 'build']);
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  writeFileSync(STAMP, wanted);
}

/** Names, sizes and times: reading every file would make each start slower. */
function fingerprint() {
  const hash = createHash('sha256');
  const visit = (path) => {
    const info = statSync(join(ROOT, path), { throwIfNoEntry: false });
    if (!info || path === GENERATED) return;
    if (info.isDirectory()) for (const name of readdirSync(join(ROOT, path)).sort()) visit(`${path}/${name}`);
    else hash.update(`${path} ${info.size} ${info.mtimeMs}\n`);
  };
  for (const source of SOURCES) visit(source);
  return `${hash.digest('hex')}\n`;
}
