import {
  defaultOf,
  NO_PARAMETERS,
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../../../shared/run-parameters.ts';
import { type InputIssue, InvalidInputError } from '../../errors.ts';
import { normalizeInventory, normalizeKeyFile, normalizePath } from './paths.ts';

/** Parameters as input: undefined keeps a field, null resets it to its default. */
export type RunParametersInput = {
  readonly [N in RunParameterName]?: RunParameters[N] | null | undefined;
} & {
  /** A single inventory, instead of `inventories`. */
  readonly inventory?: string | null | undefined;
  /** JSON text; an alias of `extraVarsJson`. */
  readonly extraVars?: string | null | undefined;
};

/** Changes to parameters, in normal form. */
export type RunParametersChange = { readonly [N in RunParameterName]?: RunParameters[N] };

const NORMAL: { readonly [N in RunParameterName]?: (value: string) => string } = {
  inventories: normalizeInventory,
  extraVarsFiles: normalizePath,
  privateKeyFile: normalizeKeyFile,
  workingFolder: normalizePath,
};

/** @throws {InvalidInputError} when a field is given under both of its names */
export function changeOf(input: RunParametersInput): RunParametersChange {
  const { inventory, extraVars, ...others } = input;
  const inventories = inventory === undefined || inventory === null ? inventory : [inventory];
  const given: RunParametersInput = {
    ...others,
    inventories: oneOf('inventory', inventories, 'inventories', input.inventories),
    extraVarsJson: oneOf('extraVars', extraVars, 'extraVarsJson', input.extraVarsJson),
  };
  const change: Partial<Record<RunParameterName, unknown>> = {};
  for (const name of RUN_PARAMETER_NAMES) {
    const value = given[name];
    if (value !== undefined) change[name] = normal(name, value ?? defaultOf(RUN_PARAMETERS[name]));
  }
  return change as RunParametersChange;
}

/**
 * Complete parameters for a new run or schedule.
 * @throws {InvalidInputError} when a field is given under both of its names
 */
export function parametersOf(input: RunParametersInput): RunParameters {
  return { ...NO_PARAMETERS, ...changeOf(input) };
}

function normal(name: RunParameterName, value: unknown): unknown {
  const toNormal = NORMAL[name];
  if (!toNormal || value === null) return value;
  return Array.isArray(value) ? value.map(toNormal) : toNormal(value as string);
}

function oneOf<T>(
  shortName: string,
  short: T | null | undefined,
  name: string,
  full: T | null | undefined,
): T | null | undefined {
  if (short === undefined || short === null) return full === undefined ? short : full;
  if (full === undefined || full === null) return short;
  const issue: InputIssue = {
    path: ['parameters', shortName],
    message: `"${shortName}" and "${name}" are both given; expected one of them.`,
    position: null,
  };
  throw new InvalidInputError([issue]);
}
