import { join } from 'node:path';
import {
  isGiven,
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../../shared/run-parameters.ts';
import { isHostList } from '../../domain/runs/parameters/paths.ts';

/** Where things are, all absolute. */
export interface ArgumentPaths {
  readonly playbooksDir: string;
  /** The file with the extra variables; null when there are none. */
  readonly extraVars: string | null;
}

/** How a parameter is said where "option=value" is not all of it; null: it is no argument. */
const WORDS: {
  readonly [N in RunParameterName]?: (value: RunParameters[N], paths: ArgumentPaths) => string[];
} = {
  inventories: (all, { playbooksDir }) =>
    all.map((one) => `--inventory=${isHostList(one) ? one : join(playbooksDir, one)}`),
  extraVarsFiles: (files, { playbooksDir }) =>
    files.map((file) => `--extra-vars=@${join(playbooksDir, file)}`),
  privateKeyFile: (file, { playbooksDir }) =>
    file === null ? [] : [`--private-key=${/^[/~]/.test(file) ? file : join(playbooksDir, file)}`],
  verbosity: (count) => [`-${'v'.repeat(count)}`],
  // the last of several wins, and these are said after the files
  extraVarsJson: () => [],
};

/**
 * Arguments of ansible-playbook. Every value is part of its option's own token or an absolute path,
 * so that none can be taken for an option, and no shell ever sees them.
 */
export function ansibleArguments(
  playbook: string,
  parameters: RunParameters,
  paths: ArgumentPaths,
): string[] {
  const words = RUN_PARAMETER_NAMES.filter((name) => isGiven(name, parameters[name])).flatMap((name) =>
    wordsOf(name, parameters, paths),
  );
  if (paths.extraVars !== null) words.push(`--extra-vars=@${paths.extraVars}`);
  return [...words, join(paths.playbooksDir, playbook)];
}

function wordsOf<N extends RunParameterName>(
  name: N,
  parameters: RunParameters,
  paths: ArgumentPaths,
): string[] {
  const value = parameters[name];
  const own: ((value: RunParameters[N], paths: ArgumentPaths) => string[]) | undefined = WORDS[name];
  if (own) return own(value, paths);
  const { kind, option } = RUN_PARAMETERS[name];
  if (option === null) return [];
  if (kind === 'flag') return [option];
  return [`${option}=${Array.isArray(value) ? value.join(',') : value}`];
}
