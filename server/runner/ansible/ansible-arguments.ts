import { join } from 'node:path';
import {
  isGiven,
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../../shared/run-parameters.ts';
import { isHostList } from '../../domain/runs/parameters/paths.ts';

/** Arguments of parameters that are not simply "option=value"; empty: none. */
const WORDS: {
  readonly [N in RunParameterName]?: (value: RunParameters[N], root: string) => string[];
} = {
  inventories: (all, root) => all.map((one) => `--inventory=${isHostList(one) ? one : join(root, one)}`),
  extraVarsFiles: (files, root) => files.map((file) => `--extra-vars=@${join(root, file)}`),
  privateKeyFile: (file, root) =>
    file === null ? [] : [`--private-key=${/^[/~]/.test(file) ? file : join(root, file)}`],
  verbosity: (count) => [`-${'v'.repeat(count)}`],
  // passed as a file of the run, named after the root's files because the last file wins
  extraVarsJson: () => [],
};

/**
 * Arguments of ansible-playbook. Every value is part of its option's own token or an absolute path, so none can
 * be mistaken for an option, and no shell sees them.
 * @param root folder that paths are relative to; absolute
 * @param forFiles arguments that name the run's own files
 */
export function ansibleArguments(
  playbook: string,
  parameters: RunParameters,
  root: string,
  forFiles: readonly string[],
): string[] {
  const words = RUN_PARAMETER_NAMES.filter((name) => isGiven(name, parameters[name])).flatMap((name) =>
    wordsOf(name, parameters, root),
  );
  return [...words, ...forFiles, join(root, playbook)];
}

function wordsOf<N extends RunParameterName>(name: N, parameters: RunParameters, root: string): string[] {
  const value = parameters[name];
  const own: ((value: RunParameters[N], root: string) => string[]) | undefined = WORDS[name];
  if (own) return own(value, root);
  const { kind, option } = RUN_PARAMETERS[name];
  if (option === null) return [];
  if (kind === 'flag') return [option];
  return [`${option}=${Array.isArray(value) ? value.join(',') : value}`];
}
