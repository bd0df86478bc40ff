import { constants } from 'node:fs';
import { access, lstat, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import type { RunParameters } from '../../../shared/run-parameters.ts';
import { codeOf } from '../../domain/caught.ts';
import { clip, type InputIssue } from '../../domain/errors.ts';
import { isHostList, normalizePath } from '../../domain/runs/parameters/paths.ts';

/**
 * Checks that the files and folders named by parameters exist and can be used.
 * @param root the playbook folder, absolute, without symlinks
 */
export async function checkParameterFiles(root: string, parameters: RunParameters): Promise<InputIssue[]> {
  const { inventories, extraVarsFiles, privateKeyFile, workingFolder } = parameters;
  const issues: InputIssue[] = [];
  const look = async (field: string, what: string, given: string, wanted: Wanted, isKey = false) => {
    const problem = await problemOf(root, given, wanted, isKey);
    if (problem !== null)
      issues.push({
        path: ['parameters', field],
        message: `The ${what} "${clip(given)}" ${problem}.`,
        position: null,
      });
  };
  for (const inventory of inventories)
    if (!isHostList(inventory)) await look('inventories', 'inventory', inventory, 'fileOrFolder');
  for (const file of extraVarsFiles) await look('extraVarsFiles', 'variables file', file, 'file');
  if (privateKeyFile !== null) await look('privateKeyFile', 'private key file', privateKeyFile, 'file', true);
  if (workingFolder !== null) await look('workingFolder', 'working folder', workingFolder, 'folder');
  return issues;
}

type Wanted = 'file' | 'folder' | 'fileOrFolder';

/**
 * What is wrong with the file, as the rest of a sentence that begins with its name; null: nothing. A private
 * key may be outside the folder.
 */
async function problemOf(
  root: string,
  given: string,
  wanted: Wanted,
  isKey: boolean,
): Promise<string | null> {
  const place = given.startsWith('/') || given.startsWith('~/') ? '' : ' in the playbook folder';
  const path = given.startsWith('/')
    ? given
    : given.startsWith('~/')
      ? join(homedir(), given.slice(2))
      : join(root, normalizePath(given));
  try {
    const real = await realpath(path);
    if (!isKey && real !== root && !real.startsWith(root + sep))
      return 'is reached through a link that leaves the playbook folder';
    const info = await stat(real);
    const isWanted = (wanted !== 'folder' && info.isFile()) || (wanted !== 'file' && info.isDirectory());
    if (!isWanted) return `is ${kindOf(info)}; expected ${WANTED[wanted]}`;
    await access(real, info.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK);
    return null;
  } catch (error) {
    return reasonOf(codeOf(error), await isLink(path), place) ?? Promise.reject(error);
  }
}

const WANTED: Record<Wanted, string> = {
  file: 'a file',
  folder: 'a folder',
  fileOrFolder: 'a file or a folder',
};

function kindOf(info: Awaited<ReturnType<typeof stat>>): string {
  if (info.isFile()) return 'a file';
  if (info.isDirectory()) return 'a folder';
  if (info.isFIFO()) return 'a named pipe';
  return info.isSocket() ? 'a socket' : 'a device';
}

function reasonOf(code: string | undefined, link: boolean, place: string): string | null {
  switch (code) {
    case 'ENOENT':
      return link ? 'is a link to something that is not there' : `is not there${place}`;
    case 'ENOTDIR':
      return `is not there${place}: a part of its path is no folder`;
    case 'ELOOP':
      return 'is a link that leads back to itself';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: permission denied';
    case 'ENAMETOOLONG':
      return 'has a name that is too long';
    default:
      return null;
  }
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isSymbolicLink() ?? false;
}
