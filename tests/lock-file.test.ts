import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Record<string, string> }>>;
}

/** npm 11 at times writes a lock file without the packages of other platforms, and `npm ci` then refuses it. */
it('the lock file holds the packages of every platform', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as LockFile;

  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isFound(path, name)),
  );

  expect(missing).toEqual([]);

  /** As Node looks a package up: next to the one that asks for it, then one folder further up, and so on. */
  function isFound(from: string, name: string): boolean {
    for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
      if (packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true;
      if (folder === '') return false;
    }
  }
});
