import {
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../../../shared/run-parameters.ts';
import { clip, type InputIssue } from '../../errors.ts';
import { checkExtraVars } from './extra-vars.ts';
import { checkLimit } from './limit.ts';
import { checkInventory, checkKeyFile, checkVarsFile, checkWorkingFolder } from './paths.ts';
import { checkText, type TextFault } from './text.ts';

const MAX_ITEMS = { inventories: 50, tags: 100, skipTags: 100, extraVarsFiles: 50 };
const MAX_TAG_LENGTH = 200;
const MAX_NAME_LENGTH = 100;

type NameOf<Kind> = {
  [N in RunParameterName]: (typeof RUN_PARAMETERS)[N]['kind'] extends Kind ? N : never;
}[RunParameterName];
type Check = (value: string) => TextFault | null;

/** Checks of single values; for flags and numbers the table suffices. */
const CHECKS: { readonly [N in NameOf<'text' | 'list' | 'json'>]: Check } = {
  inventories: checkInventory,
  limit: checkLimit,
  tags: checkTag,
  skipTags: checkTag,
  extraVarsJson: checkExtraVars,
  extraVarsFiles: checkVarsFile,
  becomeUser: (user) => checkUser(user, 'The become user'),
  remoteUser: (user) => checkUser(user, 'The remote user'),
  connection: checkConnection,
  privateKeyFile: checkKeyFile,
  workingFolder: checkWorkingFolder,
};

/** Faults in run parameters, at most one per field; empty when valid. Does not check whether files exist. */
export function checkRunParameters(parameters: RunParameters): InputIssue[] {
  const issues = RUN_PARAMETER_NAMES.flatMap((name): InputIssue[] => {
    const fault = checkField(name, parameters);
    return fault ? [{ path: ['parameters', name], ...fault }] : [];
  });
  if (parameters.becomeUser !== null && !parameters.become) {
    const message = `The become user "${clip(parameters.becomeUser)}" has no effect without "become".`;
    issues.push({ path: ['parameters', 'becomeUser'], message, position: null });
  }
  return issues;
}

function checkField(name: RunParameterName, parameters: RunParameters): TextFault | null {
  const field = RUN_PARAMETERS[name];
  switch (field.kind) {
    case 'flag':
      return null;
    case 'number':
      return checkNumber(name, parameters[name as NameOf<'number'>], field);
    case 'list':
      return checkList(name as NameOf<'list'>, parameters[name as NameOf<'list'>]);
    case 'text':
    case 'json': {
      const value = parameters[name as NameOf<'text' | 'json'>];
      return value === null ? null : CHECKS[name as NameOf<'text' | 'json'>](value);
    }
  }
}

function checkList(name: NameOf<'list'>, values: readonly string[]): TextFault | null {
  const max = MAX_ITEMS[name];
  if (values.length > max)
    return { message: `There are ${values.length} ${name}; expected at most ${max}.`, position: null };
  for (const value of values) {
    const fault = CHECKS[name](value);
    // a position inside one of several values would point to the wrong place
    if (fault) return values.length === 1 ? fault : { ...fault, position: null };
  }
  return null;
}

function checkNumber(
  name: string,
  value: number | null,
  { min, max }: { readonly min: number; readonly max: number },
): TextFault | null {
  if (value === null || (Number.isInteger(value) && value >= min && value <= max)) return null;
  return {
    message: `"${name}" is ${value}; expected a whole number from ${min} to ${max}.`,
    position: null,
  };
}

function checkTag(tag: string): TextFault | null {
  const fault = checkText(tag, 'A tag', MAX_TAG_LENGTH);
  if (fault) return fault;
  if (tag.includes(','))
    return { message: `The tag "${clip(tag)}" has a comma, which would make it several.`, position: null };
  if (tag.startsWith('-')) return { message: `The tag "${clip(tag)}" begins with "-".`, position: 0 };
  return null;
}

function checkUser(user: string, what: string): TextFault | null {
  const fault = checkText(user, what, MAX_NAME_LENGTH);
  if (fault || /^[\p{L}\p{N}_][\p{L}\p{N}_.@+\\$-]*$/u.test(user)) return fault;
  return { message: `${what} "${clip(user)}" is no name of a user, such as "deploy".`, position: null };
}

function checkConnection(connection: string): TextFault | null {
  const fault = checkText(connection, 'The connection', MAX_NAME_LENGTH);
  if (fault || /^[a-z_]\w*(\.[a-z_]\w*){0,5}$/i.test(connection)) return fault;
  return {
    message: `The connection "${clip(connection)}" is no name of a plugin, such as "ssh" or "community.docker.docker".`,
    position: null,
  };
}
