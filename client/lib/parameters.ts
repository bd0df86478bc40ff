import {
  isGiven,
  NO_PARAMETERS,
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../shared/run-parameters.ts';
import { graphql } from '../graphql/generated/gql.ts';
import type { AllParametersFragment, RunParametersInput } from '../graphql/generated/graphql.ts';

/** Every row of the parameter table; a test checks that none is missing. */
export const ALL_PARAMETERS = graphql(`
  fragment AllParameters on RunParameters {
    inventories limit tags skipTags extraVarsJson extraVarsFiles check diff become becomeUser remoteUser connection
    privateKeyFile verbosity forks timeoutSeconds workingFolder
  }
`);

/** Parameters as typed, so that invalid input is kept, too. */
export type ParameterDraft = Readonly<Record<RunParameterName, string | boolean>>;

export interface ParameterFault {
  readonly field: RunParameterName;
  readonly message: string;
}

/** The parameters that the server returned, in a form that it also accepts as input. */
export function valuesOf(read: AllParametersFragment): RunParameters & RunParametersInput {
  const values: Record<string, unknown> = {};
  for (const name of RUN_PARAMETER_NAMES) values[name] = read[name] ?? null;
  return values as RunParameters & RunParametersInput;
}

export function parameterDraftOf(parameters: RunParameters): ParameterDraft {
  return Object.fromEntries(
    RUN_PARAMETER_NAMES.map((name) => [name, typedOf(name, parameters)]),
  ) as ParameterDraft;
}

export const emptyParameterDraft: ParameterDraft = parameterDraftOf(NO_PARAMETERS);

function typedOf(name: RunParameterName, parameters: RunParameters): string | boolean {
  const field = RUN_PARAMETERS[name];
  const value = parameters[name];
  if (field.kind === 'flag') return value === true;
  if (!isGiven(name, value)) return '';
  if (Array.isArray(value)) return value.join(field.kind === 'list' && field.separator === ',' ? ', ' : '\n');
  return value === '' && 'emptyAs' in field ? field.emptyAs : String(value);
}

/**
 * Only the changed parameters of the draft; the server leaves the others as they are.
 * @param before the draft before the changes
 */
export function changedParameters(
  draft: ParameterDraft,
  before: ParameterDraft,
): RunParametersInput | ParameterFault {
  const change: Record<string, unknown> = {};
  for (const name of RUN_PARAMETER_NAMES) {
    if (draft[name] === before[name]) continue;
    const value = readTyped(name, draft[name]);
    if (typeof value === 'object' && value !== null && 'message' in value)
      return { field: name, message: value.message };
    change[name] = value;
  }
  return change as RunParametersInput;
}

function readTyped(
  name: RunParameterName,
  typed: string | boolean,
): readonly string[] | string | boolean | number | null | { readonly message: string } {
  const field = RUN_PARAMETERS[name];
  if (typeof typed === 'boolean') return typed;
  const text = typed.trim();
  if (field.kind === 'list') return text.split(field.separator).flatMap((one) => one.trim() || []);
  if (text === '') return null;
  switch (field.kind) {
    case 'number':
      return /^\d+$/.test(text) && Number(text) >= field.min && Number(text) <= field.max
        ? Number(text)
        : { message: `Expected a whole number from ${field.min} to ${field.max}.` };
    case 'json':
      return isObject(text) ? text : { message: 'Expected a JSON object, e.g. {"release": "1.2"}.' };
    default:
      return 'emptyAs' in field && text === field.emptyAs ? '' : text;
  }
}

/** The parameter that an issue from the server is about; null: none. */
export function parameterOf(path: readonly string[]): RunParameterName | null {
  const [first, second] = path;
  if (first !== 'parameters') return null;
  if (second === 'inventory') return 'inventories';
  if (second === 'extraVars') return 'extraVarsJson';
  return RUN_PARAMETER_NAMES.find((name) => name === second) ?? null;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The set parameters, written as command-line options; those without an option are described in words. */
export function parameterWords(parameters: RunParameters): string[] {
  return RUN_PARAMETER_NAMES.filter((name) => isGiven(name, parameters[name])).flatMap((name) => {
    const { kind, option, label } = RUN_PARAMETERS[name];
    const value = parameters[name];
    if (name === 'verbosity') return [`-${'v'.repeat(parameters.verbosity)}`];
    if (name === 'extraVarsFiles') return parameters.extraVarsFiles.map((file) => `${option} @${file}`);
    if (option === null) return [`${label.toLowerCase()}: ${value === '' ? '.' : value}`];
    if (kind === 'flag') return [option];
    if (name === 'inventories') return parameters.inventories.map((one) => `${option} ${one}`);
    return [`${option} ${Array.isArray(value) ? value.join(',') : value}`];
  });
}
