/** "node_modules/a/node_modules/@b/c" is a copy of "@b/c". */
export function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/**
 * The copies in a lock file that an advisory is about: those below the first sound release of their major version, and all of
 * majors before the oldest that has one.
 * @param {Record<string, { version?: string }>} packages of package-lock.json
 * @param {readonly { id: string, package: string, fixed: string[] }[]} advisories
 */
export function findUnsound(packages, advisories) {
  const found = [];
  for (const [path, { version }] of Object.entries(packages)) {
    const name = nameOf(path);
    if (path === '' || version === undefined) continue;
    for (const { id, package: about, fixed } of advisories)
      if (about === name && !isSound(version, fixed)) found.push({ id, name, version, fixed });
  }
  return found;
}

function isSound(version, fixed) {
  const own = numbers(version);
  const majors = fixed.map((release) => numbers(release)[0]);
  const sameMajor = fixed.find((release) => numbers(release)[0] === own[0]);
  if (sameMajor === undefined) return own[0] > Math.max(...majors);
  return compare(own, numbers(sameMajor)) >= 0;
}

const numbers = (version) => version.split('-', 1)[0].split('.').map(Number);

function compare(one, other) {
  for (let n = 0; n < 3; n += 1) if (one[n] !== other[n]) return one[n] - other[n];
  return 0;
}
