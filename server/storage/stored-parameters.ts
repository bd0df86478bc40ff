import {
  NO_PARAMETERS,
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterField,
  type RunParameters,
} from '../../shared/run-parameters.ts';
import type { Run } from '../domain/runs/run.ts';

/** How both adapters store parameters: JSON text with every row of the table. */
export function writeParameters(parameters: RunParameters | null): string {
  return JSON.stringify(parameters);
}

/** In stored bytes: lists omit longer parameters. Usually only extra variables are longer. */
export const LONG_PARAMETERS = 1_024;

/** Missing parameters get their defaults. @throws {Error} when the text holds no parameters; the message says why */
export function readParameters(json: string): RunParameters {
  const stored: unknown = JSON.parse(json);
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored))
    throw new Error(`its parameters are ${json.slice(0, 100)}`);
  const fields = fromEarlier({ ...stored });
  const known: Record<string, unknown> = { ...NO_PARAMETERS };
  for (const name of RUN_PARAMETER_NAMES) {
    const value = fields[name];
    if (value === undefined) continue;
    if (!isOfKind(RUN_PARAMETERS[name], value))
      throw new Error(`its parameter "${name}" is ${JSON.stringify(value).slice(0, 100)}`);
    known[name] = value;
  }
  return known as RunParameters;
}

export function writeHosts(hosts: readonly string[] | null): string | null {
  return hosts && JSON.stringify(hosts);
}

/**
 * What a run is started with. Without parameters when a part of it cannot be read: such a run is not started, and
 * must not hide the others.
 * @param onlyHosts undefined or null: none were stored
 */
export function readTarget(
  parameters: string,
  onlyHosts: string | null | undefined,
): Pick<Run, 'parameters' | 'onlyHosts'> {
  try {
    return { parameters: readParameters(parameters), onlyHosts: readHosts(onlyHosts ?? null) };
  } catch {
    return { parameters: null, onlyHosts: null };
  }
}

function readHosts(json: string | null): readonly string[] | null {
  if (json === null) return null;
  const hosts: unknown = JSON.parse(json);
  if (Array.isArray(hosts) && hosts.length > 0 && hosts.every((host) => typeof host === 'string'))
    return hosts;
  throw new Error(`its hosts are ${json.slice(0, 100)}`);
}

/** Sible 0.1 stored one inventory, and the extra variables as an object. */
function fromEarlier(fields: Record<string, unknown>): Record<string, unknown> {
  const { inventory, extraVars, ...others } = fields;
  if (inventory !== undefined && inventory !== null) others.inventories ??= [inventory];
  if (extraVars !== undefined && extraVars !== null) others.extraVarsJson ??= JSON.stringify(extraVars);
  return others;
}

function isOfKind(field: RunParameterField, value: unknown): boolean {
  switch (field.kind) {
    case 'list':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    case 'flag':
      return typeof value === 'boolean';
    case 'number':
      return typeof value === 'number' || (value === null && field.default === null);
    case 'text':
    case 'json':
      return typeof value === 'string' || value === null;
  }
}
