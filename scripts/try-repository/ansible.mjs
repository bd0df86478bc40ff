import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

export const ROOT = new URL('../..', import.meta.url).pathname;
export const ANSIBLE = process.env.SIBLE_ANSIBLE_PLAYBOOK ?? join(ROOT, 'data/ansible/bin/ansible-playbook');

/** By hand: from the nearest folder with an ansible.cfg, else from the root. */
export async function checkSyntax(copy, entries) {
  const byFolder = new Map();
  for (const entry of entries) {
    let folder = dirname(entry.path);
    while (folder !== '.' && !existsSync(join(copy, folder, 'ansible.cfg'))) folder = dirname(folder);
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), entry]);
  }
  await inParallel(byFolder, async ([folder, some]) => {
    const paths = some.map(({ path }) => relative(folder, path));
    const answers = await askAnsible('syntax', join(copy, folder), paths);
    for (const [at, { code, output }] of answers.entries()) {
      const line = output.split('\n').findLast((one) => one.startsWith('[ERROR]'));
      Object.assign(some[at], {
        code,
        output,
        message: line?.slice('[ERROR]: '.length) ?? output.slice(-300),
      });
    }
  });
}

export function askAnsible(what, cwd, paths) {
  const python = readFileSync(ANSIBLE, 'utf8').split('\n')[0].slice(2).trim();
  const program = new URL('by_hand.py', import.meta.url).pathname;
  const env = { PATH: process.env.PATH, HOME: tmpdir(), LANG: 'C.UTF-8', ANSIBLE_NOCOLOR: '1' };
  return new Promise((resolve, reject) => {
    const child = execFile(python, [program, what], { cwd, env, maxBuffer: 2 ** 28 }, (error, stdout) => {
      if (error) return reject(error);
      return resolve(
        stdout
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line)),
      );
    });
    child.stdin.end(paths.join('\n'));
  });
}

async function inParallel(items, work) {
  const waiting = [...items];
  const next = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
}
