import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { messageOf } from './domain/caught.ts';
import { canonicalTimeZone } from './domain/time-zone.ts';

/** What the environment says; the only place that reads it. */
export interface Config {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute. */
  readonly playbooksDir: string;
  /** Null: embedded SQLite. */
  readonly mongodbUri: string | null;
  readonly timezone: string;
  readonly concurrency: number;
  /** Null: the private one that set-up made, else found on PATH. */
  readonly ansiblePlaybook: string | null;
  readonly adminToken: string | null;
  readonly allowedHosts: readonly string[];
  /** Null: no limit. */
  readonly runTimeoutMs: number | null;
  readonly logLevel: LogLevel;
  readonly isDevelopment: boolean;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** Everything that is wrong with the environment, one sentence each. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const MIN_TOKEN_LENGTH = 16;
const MAX_TIMEOUT_SECONDS = 2_000_000;

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `expected a whole number from ${min} to ${max}`);

const Environment = z.object({
  SIBLE_HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'expected a host name or an address')
    .default('127.0.0.1'),
  SIBLE_PORT: wholeNumber(0, 65_535).default(4_000),
  SIBLE_DATA_DIR: z.string().default('data'),
  SIBLE_PLAYBOOKS_DIR: z.string().optional(),
  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'expected a URI that begins with mongodb:// or mongodb+srv://')
    .optional(),
  SIBLE_TIMEZONE: z
    .string()
    .refine((name) => canonicalTimeZone(name) !== null, 'expected an IANA zone name such as Europe/Berlin')
    .optional(),
  SIBLE_CONCURRENCY: wholeNumber(0, 10_000).optional(),
  SIBLE_ANSIBLE_PLAYBOOK: z.string().optional(),
  SIBLE_ADMIN_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'expected printable ASCII without blanks')
    .min(
      MIN_TOKEN_LENGTH,
      `expected at least ${MIN_TOKEN_LENGTH} characters, e.g. from "openssl rand -hex 32"`,
    )
    .optional(),
  SIBLE_ALLOWED_HOSTS: z.string().optional(),
  SIBLE_RUN_TIMEOUT_SECONDS: wholeNumber(0, MAX_TIMEOUT_SECONDS).default(86_400),
  SIBLE_LOG_LEVEL: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(', ')}`).default('info'),
  NODE_ENV: z.string().optional(),
});

/** Secrets that may be given as the name of a file that holds them. */
const SECRETS = ['SIBLE_ADMIN_TOKEN', 'MONGODB_URI'] as const;

/** @throws {ConfigError} with all faults at once; values of secrets are not repeated */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const faults: string[] = [];
  const given = withoutEmpty(env);
  for (const name of SECRETS) readSecretFile(name, given, faults);

  const parsed = Environment.safeParse(given);
  if (!parsed.success) faults.push(...parsed.error.issues.map((issue) => faultOf(issue, given)));
  const hostIsOpen = !isLoopback(given.SIBLE_HOST ?? '127.0.0.1');
  if (hostIsOpen && given.SIBLE_ADMIN_TOKEN === undefined) {
    faults.push(
      `SIBLE_HOST is "${given.SIBLE_HOST}", which others can reach, so SIBLE_ADMIN_TOKEN (or SIBLE_ADMIN_TOKEN_FILE) must be set: whoever can schedule a playbook can run programs on this machine.`,
    );
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);

  const value = parsed.data;
  const dataDir = resolve(value.SIBLE_DATA_DIR);
  return {
    host: value.SIBLE_HOST,
    port: value.SIBLE_PORT,
    dataDir,
    playbooksDir: value.SIBLE_PLAYBOOKS_DIR
      ? resolve(value.SIBLE_PLAYBOOKS_DIR)
      : resolve(dataDir, 'playbooks'),
    mongodbUri: value.MONGODB_URI ?? null,
    timezone: value.SIBLE_TIMEZONE ?? machineTimezone(),
    concurrency: value.SIBLE_CONCURRENCY ?? availableParallelism(),
    ansiblePlaybook: value.SIBLE_ANSIBLE_PLAYBOOK ? resolve(value.SIBLE_ANSIBLE_PLAYBOOK) : null,
    adminToken: value.SIBLE_ADMIN_TOKEN ?? null,
    allowedHosts: [value.SIBLE_HOST, ...(value.SIBLE_ALLOWED_HOSTS ?? '').split(',')]
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== ''),
    runTimeoutMs: value.SIBLE_RUN_TIMEOUT_SECONDS === 0 ? null : value.SIBLE_RUN_TIMEOUT_SECONDS * 1_000,
    logLevel: value.SIBLE_LOG_LEVEL,
    isDevelopment: value.NODE_ENV === 'development',
  };
}

/** An empty variable is how shells and compose files say "not set". */
function withoutEmpty(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => !!entry[1]));
}

function readSecretFile(
  name: (typeof SECRETS)[number],
  given: Record<string, string>,
  faults: string[],
): void {
  const file = given[`${name}_FILE`];
  if (file === undefined) return;
  if (given[name] !== undefined) {
    faults.push(`${name} and ${name}_FILE are both set; give one of them.`);
    return;
  }
  try {
    given[name] = readFileSync(file, 'utf8').trim();
  } catch (error) {
    faults.push(`${name}_FILE: "${file}" cannot be read (${messageOf(error)}).`);
  }
}

function faultOf(issue: z.core.$ZodIssue, given: Record<string, string>): string {
  const name = String(issue.path[0]);
  const isSecret = SECRETS.some((secret) => secret === name);
  return `${name}${isSecret ? '' : ` is "${given[name]}"`}: ${issue.message}.`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function machineTimezone(): string {
  return canonicalTimeZone(Intl.DateTimeFormat().resolvedOptions().timeZone) ?? 'UTC';
}
